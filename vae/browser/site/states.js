/** What each part of the site is told, from what is known of the run and what the address says. */

/**
 * @typedef {Record<string, any>} Run A run of `site.json`.
 * @typedef {import("./link.js").Place} Place
 */

/** How far a typed coordinate may go. */
const BOUND = 1000
/** What the map shows at first. */
const VIEW = { projection: "pca", colour: "label", layers: ["contours"], tiles: "even", hidden: [], area: null, lasso: [], opacity: 1, ranges: [] }

/**
 * @param {Record<string, any>} site
 * @param {Run} run
 * @param {Place} place
 * @returns {Record<string, any>} The state of each part, by its name.
 */
export function states(site, run, place) {
  const conditions = run.conditional ? run.labels : []
  const z = place.z?.length === run.latent_dim ? place.z : Array(run.latent_dim).fill(0)
  const y = conditions.length ? (place.y !== null && place.y < conditions.length ? place.y : 0) : null
  const mix = conditions.length && place.mix && place.mix[0] < conditions.length ? place.mix : null
  const common = { run: run.id, z, y, mix, shape: run.shape, at: "best", stamp: run.stamp }
  const map = {
    ...common, latent_dim: run.latent_dim, part: "test", classes: run.labels, conditional: run.conditional, plane: run.plane, num: run.num_images,
    sizes: { test: run.num_images }, missing: run.missing, question: "", methods: [{ value: "pca", title: "PCA", hint: "", cap: null }], columns: [], prior: run.prior,
    pinned: null, cut: run.cut, centre: run.centre, palette: site.palette, scale: site.scale,
  }
  return {
    sliders: {
      ...common, dims: run.dims, classes: conditions, y_label: "Class", range: place.range, prior_range: run.prior_range, prior_points: run.prior_points, full: true,
      height: null, bound: BOUND,
    },
    image: { ...common, classes: conditions, size: null, title: "Decoded image" },
    image_source: {
      ...common, classes: conditions, labels: run.labels, num_images: run.num_images, missing: run.missing, tab: run.map ? place.tab : place.tab === "test" ? "draw" : place.tab,
      drawing: place.drawing, pointless: place.z === null, drawn: place.tab === "draw" && place.row === null, row: run.map ? place.row : null, posterior: null,
      cut: run.cut, centre: run.centre, diverging: site.diverging,
    },
    map: { ...map, view: { ...VIEW, ...place.map }, compact: false },
    time_machine: { run: run.id, step: place.step, state: "finished", end: "Best", decoders: true, palette: site.heat },
    generate: {
      run: run.id, at: "best", stamp: run.stamp, latent_dim: run.latent_dim, classes: conditions, shape: run.shape, prior_points: run.prior_points,
      mixture: run.mixture, mode: place.mode,
      y: place.label !== null && place.label < conditions.length ? place.label : null,
    },
    diagnosis: { run: run.id, at: run.diagnosis, stamp: run.stamp, course: run.course, heat: site.heat },
  }
}
