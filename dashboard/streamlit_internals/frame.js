/**
 * What the address asks of the frame, told to the style sheet (`look/streamlit.css`) on <html>: a presentation, one card alone, room for
 * the rail of a lesson, controls that are hidden or fixed. And the sidebar, which is folded where it would take the room of the page.
 * Loaded before Streamlit's own script.
 */
import { heedControls } from "./controls.js"

/** So wide a window has room for the sidebar, CSS pixels. */
const WIDE = 1100
/** Where Streamlit keeps whether its sidebar is folded, and where we note that it was us who folded it. */
const [FOLDED, OURS] = ["stSidebarCollapsed-", "latent-lab-folded"]

/** A page that is scrolled by more has its head out of sight, CSS pixels. */
const SCROLLED = 8
/** Milliseconds until an unfolded sidebar is where it will be. */
const UNFOLDED = 350

const root = document.documentElement
const alone = new CSSStyleSheet()
document.adoptedStyleSheets.push(alone)
let page = ""

/** Read the address. */
function heed() {
  const { pathname, searchParams } = new URL(location.href)
  const isPresenting = searchParams.get("present") === "1"
  // The menu leads to a page without a query; what that page is to be, Python says when it has drawn it.
  if (isPresenting || pathname === page) root.toggleAttribute("data-present", isPresenting)
  const isTaught = searchParams.has("lesson")
  if (pathname !== page) root.removeAttribute("data-scrolled")
  if (isTaught || pathname === page) {
    const wasTaught = root.hasAttribute("data-lesson")
    root.toggleAttribute("data-lesson", isTaught)
    if (isTaught && !wasTaught) makeRoom()
    else if (wasTaught && !isTaught) giveBack()
  }
  page = pathname
  heedControls(searchParams)
  const card = searchParams.get("card") ?? ""
  root.toggleAttribute("data-card", card !== "")
  const { backgroundColor } = getComputedStyle(document.body)
  alone.replaceSync(card ? `.st-key-card-${CSS.escape(card)} { background: ${backgroundColor}; inset: 0; overflow: auto; position: fixed; visibility: visible; z-index: 999990; }` : "")
}

/** The rail of a lesson takes the sidebar's room, where that is drawn already; `fold` sees to it before. */
function makeRoom() {
  const button = /** @type {HTMLElement | null} */ (document.querySelector('[data-testid="stSidebarCollapseButton"] button'))
  if (!button || document.querySelector('[data-testid="stSidebar"]:is([aria-expanded="false"], [data-collapsed="true"])')) return
  try {
    localStorage.setItem(OURS, "true") // without the lesson it is unfolded again
  } catch {
    // A browser that keeps nothing knows nothing to undo.
  }
  button.click()
}

/** The lesson is over: the sidebar comes back where it was folded for the rail alone. */
function giveBack() {
  try {
    if (innerWidth < WIDE || !localStorage.getItem(OURS)) return
    localStorage.removeItem(OURS)
  } catch {
    return
  }
  root.removeAttribute("data-folded")
  const button = /** @type {HTMLElement | null} */ (document.querySelector('[data-testid="stExpandSidebarButton"]'))
  button?.click()
}

/** Fold the sidebar where there is no room for it, unless the person has unfolded it. */
function fold() {
  try {
    const isNarrow = innerWidth < WIDE || root.hasAttribute("data-lesson")
    if (isNarrow && localStorage.getItem(FOLDED) === null) {
      localStorage.setItem(FOLDED, "true")
      localStorage.setItem(OURS, "true")
    } else if (!isNarrow && localStorage.getItem(OURS)) {
      localStorage.removeItem(FOLDED)
      localStorage.removeItem(OURS)
    }
    root.toggleAttribute("data-folded", localStorage.getItem(FOLDED) === "true")
  } catch {
    // A browser that keeps nothing shows the sidebar as Streamlit does.
  }
}

/**
 * "Dataset not downloaded" leads to the button that downloads it, in the sidebar.
 * @param {MouseEvent} event
 */
function lead(event) {
  const [node] = event.composedPath()
  if (!(node instanceof Element) || node.getAttribute("href") !== "#download") return
  event.preventDefault()
  const button = () => /** @type {HTMLElement | null} */ (document.querySelector(".st-key-sidebar-download button"))
  if (!button()?.checkVisibility({ visibilityProperty: true })) /** @type {HTMLElement | null} */ (document.querySelector('[data-testid="stExpandSidebarButton"]'))?.click()
  setTimeout(() => {
    button()?.scrollIntoView({ block: "center" })
    button()?.focus()
  }, UNFOLDED)
}

/**
 * Streamlit's own buttons stay in the corners of the window; once the page is scrolled they would lie over its words.
 * @param {Event} event
 */
function scrolled({ target }) {
  if (target instanceof Element && target.matches('[data-testid="stMain"]')) root.toggleAttribute("data-scrolled", target.scrollTop > SCROLLED)
}

for (const name of /** @type {const} */ (["pushState", "replaceState"])) {
  const change = history[name]
  history[name] = (state, unused, address) => {
    change.call(history, state, unused, address)
    heed()
    // The rail of a lesson looks what a person changed.
    window.dispatchEvent(new Event("latent-lab-address"))
  }
}
window.addEventListener("click", lead, { capture: true })
window.addEventListener("scroll", scrolled, { capture: true, passive: true })
window.addEventListener("popstate", heed)
heed()
fold()
