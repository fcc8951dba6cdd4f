// The parts of a map: layers that lie on each other, and what stands around them.

import { Buttons, helpOf, Legend } from "./controls.js";
import { Dots } from "./dots.js";
import { Gestures } from "./gestures.js";
import { Hover } from "./hover.js";
import { element } from "./images.js";
import { Pictures } from "./pictures.js";
import { Pins } from "./pins.js";
import { Selection } from "./selection.js";
import { Terrain } from "./terrain.js";

/** Make the parts of a LiveMap, each of which knows it, and put them into its root. */
export function build(map) {
  map.area = element("div", { className: "le-map-area", tabIndex: 0 });
  map.area.setAttribute("role", "application");
  map.area.setAttribute("aria-roledescription", "map");
  const layer = (name) => element(name, { className: "le-map-layer", ariaHidden: "true" });
  const [ground, dots, above] = [layer("canvas"), layer("canvas"), layer("canvas")];
  const pins = element("div", { className: "le-map-layer" });
  const figure = element("div", { className: "le-map-figure" });
  map.selection = new Selection(map, (polygon) => map.selected(polygon));
  map.area.append(ground, dots, figure, above, map.selection.layer, pins);
  map.figure = figure;
  map.dots = new Dots(dots);
  map.terrain = new Terrain(ground, map);
  map.pictures = new Pictures(above, map);
  map.hover = new Hover(map);
  map.pins = new Pins(pins, map, {
    dragged: (left, top, since) => {
      map.hover.show(null);
      map.hover.look(left, top, since);
    },
    dropped: () => map.hover.leave(),
    told: (places, held) => map.send("pins", places, held),
    picked: (pin) => map.trigger({ x: pin.x, y: pin.y, index: pin.index, pin: pin.id }),
  });
  map.gestures = new Gestures(map);
  map.buttons = new Buttons(map.gestures);
  map.legend = new Legend(() => map.hid());
  const help = helpOf();
  map.area.setAttribute("aria-describedby", help.id);
  map.root.replaceChildren(map.buttons.box, map.area, map.legend.box, map.status.box, help);
}
