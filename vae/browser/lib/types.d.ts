// What our modules put on objects of the browser, and what they share. Nothing of this is served.

/** Measurements kept for tests, in ms of `performance.now()`. */
interface Lab {
  timings: { event: number; done: number; source: string }[]
  decoded: number
  [name: string]: any
}

interface Window {
  /** plotly.js, once it is loaded. */
  Plotly?: any
  __latentLab?: Lab
}

interface HTMLCanvasElement {
  /** What `paint` draws with, made once for a canvas. */
  llContext?: CanvasRenderingContext2D
  llPixels?: ImageData
}

interface WorkerGlobalScope {
  readonly SharedWorkerGlobalScope: unknown
}
