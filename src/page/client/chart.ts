/**
 * `<jules-chart>`: a drawing that stands in the page already, with uPlot over it where scripts run: zoom by dragging, values under
 * the pointer. Its numbers are a JSON block in it: `{"times":[s],"series":[{"name":"","values":[]}]}`, times in epoch seconds.
 */
class Chart extends HTMLElement {
  connectedCallback(): void {}
}

customElements.define('jules-chart', Chart)

export {}
