"""A chart of figures that change while they are looked at."""

import plotly.graph_objects as go
from streamlit.components.v2 import component

from vae_core.assets import PLOTLY
from vae_core.ui.served import LOADER, script

_chart = component(
    "latent_explorer_chart",
    html='<div class="le-chart" role="img"></div>',
    js=LOADER,
    # Plotly puts its own style sheet into the document's head.
    isolate_styles=False,
)


def show(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a figure in the page's theme; another under the same key is drawn in its place.

    `st.plotly_chart` makes a new element of each figure, which is blank for a tenth of a second.
    """
    data = {
        "module": script("chart.js"),
        "plotly": script(PLOTLY),
        "figure": figure.to_json(),
        "alt": alt,
    }
    _chart(key=key, data=data)
