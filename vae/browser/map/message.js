/** What lies over the chart while there are no points: that they load, why they cannot come, or a question. */
import { count, element, say } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"

const LOADING = "Loading the latent positions…"

export class Message {
  node = element("div", { class: "ll-message" }, LOADING)

  loading() {
    this.node.hidden = false
    delete this.node.dataset.kind
    say(this.node, LOADING)
  }

  /**
   * The server is awaited.
   * @param {string} sentence Why, "" where there is nothing to say.
   * @param {boolean} covers Whether there is nothing below that one may go on looking at.
   */
  waits(sentence, covers) {
    this.node.hidden = !sentence && !covers
    say(this.node, sentence || LOADING)
  }

  failed(error) {
    this.node.hidden = false
    say(this.node, sentenceOf(error))
    this.node.dataset.kind = "error"
  }

  /** Very many images are shown when the person says so. */
  asks(question, num, begin) {
    this.node.hidden = false
    // Newer weights may come while the person reads, or presses the button.
    if (this.node.querySelector("button") && this.node.textContent.startsWith(question)) return
    this.node.replaceChildren(
      element("span", {}, question, element("br"), element("br"),
        element("button", { class: "ll-button", type: "button", dataset: { action: "show-all" }, onclick: begin }, `Show ${count(num)} points`)))
  }

  hide() {
    this.node.hidden = true
  }
}
