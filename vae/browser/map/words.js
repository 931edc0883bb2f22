/** What the map shows, in words: how many images, what the plane is, and what its axes are. */
import { count, counted, dimName, number } from "../lib/dom.js"
import { numbered, share } from "./points.js"

/**
 * How many images of which part are shown.
 * @param {import("./map_data.js").MapData} data
 */
export function headingOf({ shown, part, flat }) {
  const images = `${part === "all" ? "" : `${part === "train" ? "training" : part} `}image`
  return flat && shown.num < flat.of ? `${count(shown.num)} of ${counted(flat.of, images)}, chosen at random` : counted(shown.num, images)
}

/**
 * What one must know of the plane to read it; "" where there is nothing to say.
 * @param {import("./map_data.js").MapData} data
 * @param {string} projection What the person chose.
 */
export function noteOf(data, projection) {
  const { state, shown, part, flat, time } = data
  const sentences = []
  if (part !== state.part) sentences.push(`Earlier snapshots show the ${counted(shown.num, "test image")}, not all ${count(state.num)}.`)
  if (flat) {
    sentences.push(`${flat.method.title} keeps neighbours together; its distances and axes have no meaning. ` +
      "Hovering decodes the nearest image's posterior mean.")
  } else if (state.plane && state.latent_dim > 2) sentences.push(explained(data))
  if (projection !== "pca" && !flat && time.step !== null) sentences.push("t-SNE and UMAP belong to the run's weights; snapshots are shown by PCA.")
  return sentences.join(" ")
}

/** How much of the latent space the straight plane shows under the weights that are shown. */
function explained(data) {
  const { state, shown, weights } = data
  const elsewhere = data.isElsewhere(weights)
  const part = number(100 * (elsewhere ? share(shown, state.plane) : state.plane.explained), 0)
  const shows = elsewhere
    ? `This plane (principal axes of the run's ${state.at} weights) shows ${part} % of this snapshot's variance.`
    : `The plane shows ${part} % of the variance of ${state.latent_dim} dimensions.`
  return `${shows} Decoded images lie on this plane; all other directions are held at the mean.`
}

/**
 * Titles of both axes; an axis that means nothing has none, and no numbers.
 * @param {import("./map_data.js").MapData} data
 * @returns {[string, string]}
 */
export function axisTitles({ flat, state }) {
  if (flat) return [`${flat.method.title} 1`, `${flat.method.title} 2`]
  if (state.latent_dim === 1) return [dimName(0), ""]
  if (!state.plane || state.latent_dim === 2) return [dimName(0), dimName(1)]
  return ["First principal axis", "Second principal axis"]
}

/**
 * What is shown, as a table: each image's part, number and class, its place in the plane, its posterior mean, and whether it stands back.
 * @param {import("./map_data.js").MapData} data
 * @param {import("./selection.js").Selection} selection
 * @returns {import("../lib/saving.js").Table}
 */
export function tableOf(data, { back }) {
  const { shown, state } = data
  const { mean, dims, num } = shown
  const [across, up] = axisTitles(data)
  const unit = data.flat ? "no unit" : "σ of the prior = 1"
  return {
    columns: ["part", "number in the part", "row in the dataset", "class", `across: ${across} (${unit})`, ...(up ? [`up: ${up} (${unit})`] : []), ...Array.from({ length: dims }, (_, d) => `z${d + 1} (posterior mean; σ of the prior = 1)`), "stands back"],
    rows: Array.from({ length: num }, (_, row) => {
      const { part, number: place } = numbered(shown, row)
      return [
        part, place, shown.index[row], shown.labels[row] < 0 ? "" : state.classes[shown.labels[row]], shown.x[row], ...(up ? [shown.y[row]] : []),
        ...mean.subarray(row * dims, (row + 1) * dims), back[row] ? "yes" : "no",
      ]
    }),
  }
}
