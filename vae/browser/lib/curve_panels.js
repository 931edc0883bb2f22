/** What the curves of a training show, wherever they are drawn: names, titles, and what of a line of metrics. */

/** @typedef {import("./history.js").Line} Line */

/** In their order. The names are those of `vae.browser.palette.CURVES`, which has their colours. */
export const PANELS = [
  { name: "distortion", title: "Reconstruction −log p(x|z)", label: "Reconstruction", of: (/** @type {Line} */ line) => line.distortion },
  { name: "rate", title: "KL(q(z|x) ‖ p(z))", label: "KL", of: (/** @type {Line} */ line) => line.rate },
  { name: "elbo", title: "−ELBO at β = 1", label: "−ELBO", of: (/** @type {Line} */ line) => -line.elbo },
  { name: "beta", title: "β, the weight of the KL", label: "β", of: (/** @type {Line} */ line) => line.beta },
]
