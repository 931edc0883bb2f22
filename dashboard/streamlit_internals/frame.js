/**
 * What the address asks of the frame, told to the style sheet (`look/streamlit.css`) on <html>: a presentation, one card alone. And the
 * sidebar, which is folded where it would take the room of the page. Loaded before Streamlit's own script.
 */

/** So wide a window has room for the sidebar, CSS pixels. */
const WIDE = 1100
/** Where Streamlit keeps whether its sidebar is folded, and where we note that it was us who folded it. */
const [FOLDED, OURS] = ["stSidebarCollapsed-", "latent-lab-folded"]

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
  page = pathname
  const card = searchParams.get("card") ?? ""
  root.toggleAttribute("data-card", card !== "")
  const { backgroundColor } = getComputedStyle(document.body)
  alone.replaceSync(card ? `.st-key-card-${CSS.escape(card)} { background: ${backgroundColor}; inset: 0; overflow: auto; position: fixed; visibility: visible; z-index: 999990; }` : "")
}

/** Fold the sidebar where there is no room for it, unless the person has unfolded it. */
function fold() {
  try {
    if (innerWidth < WIDE && localStorage.getItem(FOLDED) === null) {
      localStorage.setItem(FOLDED, "true")
      localStorage.setItem(OURS, "true")
    } else if (innerWidth >= WIDE && localStorage.getItem(OURS)) {
      localStorage.removeItem(FOLDED)
      localStorage.removeItem(OURS)
    }
  } catch {
    // A browser that keeps nothing shows the sidebar as Streamlit does.
  }
}

for (const name of /** @type {const} */ (["pushState", "replaceState"])) {
  const change = history[name]
  history[name] = (state, unused, address) => {
    change.call(history, state, unused, address)
    heed()
  }
}
window.addEventListener("popstate", heed)
heed()
fold()
