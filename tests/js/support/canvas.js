/** As much of a browser's canvas as reading colours takes: what is filled is what is read. */

function channelsOf(colour) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour)
  if (hex) return hex.slice(1).map((two) => Number.parseInt(two, 16))
  const three = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(colour)
  if (three) return three.slice(1).map((one) => 17 * Number.parseInt(one, 16))
  const rgb = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour)
  return rgb?.slice(1).map(Number) ?? null
}

class Context {
  #fill = [0, 0, 0]
  #pixel = [0, 0, 0, 0]

  set fillStyle(colour) {
    this.#fill = channelsOf(colour) ?? this.#fill
  }

  clearRect() {
    this.#pixel = [0, 0, 0, 0]
  }

  fillRect() {
    this.#pixel = [...this.#fill, 255]
  }

  getImageData() {
    return { data: Uint8ClampedArray.from(this.#pixel) }
  }
}

globalThis.OffscreenCanvas ??= class {
  getContext() {
    return new Context()
  }
}

globalThis.ImageData ??= class {
  constructor(width, height) {
    Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) })
  }
}
