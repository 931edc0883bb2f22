/**
 * What anywidget runs in a notebook's cell: it asks the kernel for the explorer's modules, links them and lets them draw. It needs no
 * server and no address, so that it works wherever widgets do, offline too. The modules of a version are linked once for the page.
 */
import { link } from "../lib/link.js"

const SHARED = Symbol.for("latent-lab")

/**
 * @typedef {{get: (name: string) => any, set: (name: string, value: any) => void, save_changes: () => void,
 *   on: (name: string, hear: (...news: any[]) => void) => void, off: (name: string, hear: (...news: any[]) => void) => void,
 *   send: (content: any) => void}} Model anywidget's model.
 */

/**
 * Questions to the kernel, each answered once.
 * @param {Model} model
 */
function asker(model) {
  // A kernel answers all views of a widget: each knows its own questions.
  const mine = `${Math.random().toString(36).slice(2)}-`
  let last = 0
  /** @type {Map<string, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
  const open = new Map()
  const hear = (/** @type {any} */ message, /** @type {any[]} */ buffers) => {
    const question = open.get(message?.id)
    if (!question) return
    open.delete(message.id)
    if (message.kind === "refusal") question.reject(new Error(message.error))
    else question.resolve({ message, buffers: (buffers ?? []).map(bytes) })
  }
  model.on("msg:custom", hear)
  return {
    /**
     * @param {string} kind
     * @param {object} [fields]
     * @returns {Promise<{message: any, buffers: ArrayBuffer[]}>}
     */
    ask(kind, fields = {}) {
      const id = `${mine}${++last}`
      return new Promise((resolve, reject) => {
        open.set(id, { resolve, reject })
        model.send({ kind, id, ...fields })
      })
    },
    stop: () => model.off("msg:custom", hear),
  }
}

/**
 * The bytes of a buffer, on their own. Hosts hand over views (JupyterLab, marimo), bytes (Colab), or buffers, maybe those of another frame.
 * @param {ArrayBufferView | ArrayBuffer} buffer
 */
function bytes(buffer) {
  return ArrayBuffer.isView(buffer) ? /** @type {ArrayBuffer} */ (buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength)) : buffer
}

/**
 * What gzip has made small.
 * @param {ArrayBuffer} packed
 */
function unzipped(packed) {
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer()
}

/** @param {ArrayBuffer} packed */
async function linked(packed) {
  const { modules, styles, entry } = JSON.parse(new TextDecoder().decode(await unzipped(packed)))
  return { explorer: await import(link(modules)[entry]), styles }
}

/**
 * Files of onnxruntime-web: modules as addresses, the WebAssembly as bytes.
 * @param {{message: {names: string[]}, buffers: ArrayBuffer[]}} answer
 */
async function runtimeOf({ message: { names }, buffers }) {
  const contents = await Promise.all(buffers.map(unzipped))
  return Object.fromEntries(names.map((name, k) => [
    name, name.endsWith(".mjs") ? URL.createObjectURL(new Blob([contents[k]], { type: "text/javascript" })) : contents[k],
  ]))
}

/**
 * What stands in a cell until the kernel has answered, and for good where there is none: in a saved notebook, after a restart, in an
 * exported page.
 * @param {string | undefined} picture A PNG in base 64; empty if none was drawn.
 */
function placeholder(picture) {
  const node = document.createElement("figure")
  node.style.margin = "0"
  if (picture) {
    const image = document.createElement("img")
    image.src = `data:image/png;base64,${picture}`
    image.alt = "What the explorer showed when the notebook was saved"
    image.style.maxWidth = "100%"
    node.append(image)
  }
  const caption = document.createElement("figcaption")
  caption.setAttribute("role", "status")
  caption.textContent = "Waiting for the kernel. It answers when no cell is running; if there is none, run this cell again."
  node.append(caption)
  return { node, say: (/** @type {string} */ words) => { caption.textContent = words } }
}

/** @param {{model: Model, el: HTMLElement}} view */
async function render({ model, el }) {
  const shared = /** @type {any} */ (globalThis)[SHARED] ??= {}
  const version = model.get("_library")
  const { ask, stop } = asker(model)
  const waiting = placeholder(model.get("_picture"))
  el.append(waiting.node)
  let gone = false
  let unmount = () => {}
  const begin = async () => {
    const { buffers: [packed] } = await ask("library")
    const { explorer, styles } = await (shared[version] ??= linked(packed))
    if (gone) return
    waiting.node.remove()
    unmount = explorer.mount(el, { model, ask, styles, runtime: () => ask("runtime").then(runtimeOf) })
  }
  begin().catch((error) => {
    console.error(error)
    waiting.say(`The explorer could not be shown: ${error.message}`)
  })
  return () => {
    gone = true
    stop()
    unmount()
  }
}

export default { render }
