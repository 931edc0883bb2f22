/**
 * Names of a part's controls, by which a link hides or fixes them: `map.lasso` is the control `lasso` of the part `map`.
 *
 * A control's name is the nearest `data-control` or `data-action` around it, or its own; several that belong together share one. What the
 * link says comes here as a style that all parts take on, those that are drawn later too.
 */

/** What a person can operate. */
export const OPERABLE = 'button, input, select, textarea, summary, a[download], [role="slider"], [role="application"], [data-control]'
const NAMED = ["control", "action"]

/** Parts in the page. @type {Set<HTMLElement>} */
const parts = new Set()
/** Trees that have taken on the style. @type {WeakSet<Node>} */
const styled = new WeakSet()
/** @type {CSSStyleSheet | null} */
let sheet = null

/**
 * A name out of words: small letters, digits and hyphens.
 * @param {string} words
 */
export function slug(words) {
  return words.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "")
}

/**
 * The names that an element has and stands in, the innermost first; none where nobody named it.
 * @param {Element} node
 * @param {Element} root The part's own element.
 * @returns {string[]}
 */
export function namesAround(node, root) {
  /** @type {string[]} */
  const found = []
  for (let at = /** @type {Element | null} */ (node); at && at !== root; at = at.parentElement) {
    const own = NAMED.map((kind) => /** @type {HTMLElement} */ (at).dataset?.[kind]).find(Boolean)
    if (own && found.at(-1) !== own) found.push(own)
  }
  return found
}

/** The parts in the page, and what each is called. @returns {{name: string, root: HTMLElement}[]} */
export function partsInPage() {
  return [...parts].map((root) => ({ name: root.dataset.component ?? "", root }))
}

/**
 * A part is in the page.
 * @param {HTMLElement} root
 */
export function enter(root) {
  parts.add(root)
  const tree = /** @type {ShadowRoot | Document} */ (root.getRootNode())
  if (!("adoptedStyleSheets" in tree) || styled.has(tree)) return
  styled.add(tree)
  tree.adoptedStyleSheets = [...tree.adoptedStyleSheets, shared()]
}

/** @param {HTMLElement} root */
export function leave(root) {
  parts.delete(root)
}

/**
 * Hide and fix controls of parts, those of the link before no more.
 * @param {Iterable<string>} hidden Names, as `map.lasso`.
 * @param {Iterable<string>} locked
 */
export function restrict(hidden, locked) {
  shared().replaceSync(styleOf([...hidden].map(selectorOf), [...locked].map(selectorOf)))
}

/**
 * The style that hides and fixes what these selectors find.
 * @param {string[]} hidden
 * @param {string[]} locked
 */
export function styleOf(hidden, locked) {
  const [none, fixed] = [hidden, locked].map((all) => all.filter(Boolean).join(", "))
  return [
    none ? `${none} { display: none !important; }` : "",
    fixed ? `${fixed} { cursor: not-allowed; interactivity: inert; opacity: 0.55; }` : "",
  ].join("\n")
}

/**
 * Where a control of a part is, with the label that it stands in; "" for a name that is none.
 * @param {string} name
 */
export function selectorOf(name) {
  const [part, control, ...rest] = name.split(".")
  if (!control || rest.length) return ""
  const own = NAMED.map((kind) => `[data-${kind}="${CSS.escape(control)}"]`).join(", ")
  return `[data-component="${CSS.escape(part)}"] :is(${own}, label:has(> :is(${own})))`
}

function shared() {
  sheet ??= new CSSStyleSheet()
  return sheet
}
