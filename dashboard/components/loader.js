/**
 * What Streamlit gets of a component: it runs this as a blob, in which relative imports fail, so it imports the component's module
 * from this server. Python puts in which one (`dashboard/components/__init__.py`).
 */
const VERSION = "{version}"
const MODULE = "{module}"
/** @type {string} Whether it draws with plotly.js. */
const CHARTS = "{charts}"

/** The chart library's script, as `chart/plotly.js` knows it. */
const PLOTLY = "latent-lab-plotly"

if (CHARTS === "yes" && !document.getElementById(PLOTLY)) {
  // Begun here, the chart library is compiled while the component's modules are fetched.
  const script = document.createElement("script")
  script.id = PLOTLY
  script.async = true
  script.onerror = () => { script.dataset.failed = "true" }
  script.src = new URL(`api/plotly/${VERSION}/plotly.min.js`, document.baseURI).href
  document.head.append(script)
}
const address = new URL(`api/lib/${VERSION}/${MODULE}`, document.baseURI).href
// Where the server does not answer, it is asked again, ever more rarely, until it does.
let tries = 0
const attempt = () => {
  const found = import(tries ? `${address}?again=${tries}` : address)
  found.catch(() => {})
  return found
}
let module = attempt()

/** @param {{parentElement: HTMLElement}} component */
export default function load(component) {
  const root = /** @type {HTMLElement} */ (component.parentElement.querySelector(".ll"))
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let mounted = true
  let unmount = () => {}
  /**
   * @param {unknown} error
   * @param {string} words
   */
  const say = (error, words) => {
    console.error(error)
    root.textContent = `This part of the page could not be ${words}`
  }
  /** @param {{default: (component: object) => () => void}} loaded */
  const mount = (loaded) => {
    if (!mounted) return
    try {
      unmount = loaded.default(component)
    } catch (error) {
      say(error, "shown. Reload the page; if that does not help, restart the dashboard.")
    }
  }
  const begin = () => {
    const asked = module
    asked.then(mount, (error) => {
      if (!mounted) return
      say(error, "loaded: the server did not answer. It is asked again until it does.")
      timer = setTimeout(() => {
        if (module === asked) {
          tries += 1
          module = attempt()
        }
        begin()
      }, Math.min(500 * 2 ** tries, 10000))
    })
  }
  begin()
  return () => {
    mounted = false
    clearTimeout(timer)
    unmount()
  }
}
