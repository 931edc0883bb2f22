/** What the map says of the plane that it shows. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { axisTitles, noteOf, headingOf } from "#browser/map/words.js"

const tsne = { value: "tsne", title: "t-SNE" }

function dataOf({ state = {}, ...others } = {}) {
  return /** @type {any} */ ({
    state: { part: "test", num: 60_000, latent_dim: 3, at: "best", plane: { explained: 0.734, axes: [[1, 0, 0], [0, 1, 0]] }, ...state },
    shown: { num: 1000, dims: 3, mean: new Float32Array([0, 0, 0, 2, 0, 0, 0, 2, 0, 2, 2, 4]) },
    part: "test", flat: null, time: { step: null }, weights: { at: "best", stamp: "1" }, isElsewhere: () => false, ...others,
  })
}

test("the title counts the images of the part, and says of a sample that it is one", () => {
  assert.equal(headingOf(dataOf()), "1,000 test images")
  assert.equal(headingOf(dataOf({ part: "train" })), "1,000 training images")
  assert.equal(headingOf(dataOf({ part: "all" })), "1,000 images")
  assert.equal(headingOf(dataOf({ flat: { method: tsne, of: 5000 } })), "1,000 of 5,000 test images, chosen at random")
  assert.equal(headingOf(dataOf({ flat: { method: tsne, of: 1000 } })), "1,000 test images")
})

test("the note says how much the plane shows, and nothing where it shows all", () => {
  assert.match(noteOf(dataOf(), "pca"), /^The plane shows 73\s% of the variance of 3 dimensions\. Decoded images lie on this plane/)
  assert.equal(noteOf(dataOf({ state: { latent_dim: 2 } }), "pca"), "")
})

test("the note says that a computed plane has no distances, and that snapshots have none", () => {
  assert.match(noteOf(dataOf({ flat: { method: tsne, of: 1000 } }), "tsne"), /^t-SNE keeps neighbours together; its distances and axes have no meaning\./)
  const moment = dataOf({ state: { latent_dim: 2 }, time: { step: 300 } })
  assert.equal(noteOf(moment, "umap"), "t-SNE and UMAP belong to the run's weights; snapshots are shown by PCA.")
  assert.equal(noteOf(moment, "pca"), "")
})

test("the note says that snapshots show fewer images", () => {
  const note = noteOf(dataOf({ state: { part: "all", latent_dim: 2 } }), "pca")
  assert.equal(note, "Earlier snapshots show the 1,000 test images, not all 60,000.")
})

test("axes are dimensions, principal axes or those of a method", () => {
  assert.equal(axisTitles(dataOf())[0], "First principal axis")
  assert.deepEqual(axisTitles(dataOf({ state: { latent_dim: 2 } })), ["z₁", "z₂"])
  assert.equal(axisTitles(dataOf({ state: { latent_dim: 1 } }))[1], "")
  assert.deepEqual(axisTitles(dataOf({ flat: { method: tsne } })), ["t-SNE 1", "t-SNE 2"])
})
