/**
 * Where the data of runs come from: routes of a server, files of a folder, messages of a notebook. What a page keeps of a run
 * (its point, its time, its models) is kept for each source apart.
 */

/**
 * @typedef {Record<string, string | number | null | undefined>} Query Values that are null or undefined are left out.
 * @typedef {{signal?: AbortSignal, waiting?: (sentence: string) => void}} Asking `waiting` is told why there is no answer yet, and ""
 *   when there is one.
 * @typedef {object} Source
 * @property {(run: string, path: string, query: Query, as: "json" | "blob" | "arrayBuffer", options?: Asking) => Promise<any>} get
 *   Something of a run: `snapshots`, `latent`, `decoder.onnx`, … It fails with an error whose message says why, for good.
 * @property {boolean} decodes Whether it decodes points too (`decode`), where a browser cannot, or not yet.
 * @property {string | (() => Promise<any>)} runtime Address of the folder with onnxruntime-web, which ends in a slash; or what hands its
 *   files over, by their names: modules as addresses, the WebAssembly as bytes.
 * @property {(run: string, listener: Listener) => () => void} listen Hear of what a run that trains writes; returns the way to stop.
 *   A source whose runs stand still never calls.
 * @property {(run: string) => void} wake A run at rest is about to go on.
 *
 * @typedef {import("./history.js").Line} Line
 * @typedef {{change?: (history: import("./history.js").History) => void, event?: (line: Line) => void, status?: (status: Line) => void,
 *   connection?: (state: string) => void}} Listener
 */

/**
 * One of a kind for each run of each source, made when it is first asked for.
 * @template T
 * @param {(source: Source, run: string) => T} make
 * @returns {(source: Source, run: string) => T}
 */
export function perRun(make) {
  /** @type {WeakMap<Source, Map<string, T>>} */
  const all = new WeakMap()
  return (source, run) => {
    const runs = all.get(source) ?? new Map()
    all.set(source, runs)
    const found = runs.get(run) ?? make(source, run)
    runs.set(run, found)
    return found
  }
}
