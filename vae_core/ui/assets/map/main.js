// Entry: one LiveMap for each place on the page; later calls bring new data to the same one.

import { LiveMap } from "./live_map.js";

const maps = new WeakMap();

export default function render({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".le-map");
  let map = maps.get(root);
  if (!map) {
    map = new LiveMap(root);
    maps.set(root, map);
  }
  map.tell = { state: setStateValue, trigger: setTriggerValue };
  map.update(data);
  const owner = (map.owner = {});
  return () => {
    // Streamlit ends a call as soon as it returns, where newer data came before: the map goes on.
    if (map.owner !== owner) return;
    maps.delete(root);
    map.remove();
  };
}
