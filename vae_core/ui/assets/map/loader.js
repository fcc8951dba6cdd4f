// All that Streamlit is given of the map and of charts: the modules come from our own address, which never
// changes its content, so that the browser keeps them.

export default async function (component) {
  const { default: render } = await import(new URL(component.data.module, document.baseURI));
  return render(component);
}
