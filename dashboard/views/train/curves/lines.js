/** Arithmetic on the lines of a run's history, for its curves. */

/** Where β was changed: from and to. */
export function betaChanges(history) {
  const changes = []
  for (const line of history.events) {
    if (line.event === "beta") {
      const from = line.before ?? betaBefore(history.train, line.step)
      if (from !== null && from !== line.beta) changes.push({ line, from, to: line.beta })
    }
  }
  return changes
}

export function betaBefore(lines, step) {
  const place = lower(lines, (line) => line.step, step + 1) - 1
  return lines[place]?.beta ?? null
}

/** The line whose steps contain a step: the first that does not end before it; the last one beyond them all. */
export function lineAt(lines, step) {
  return lines[Math.min(lines.length - 1, lower(lines, (line) => line.step, step))]
}

/** The lines of an ascending list within an interval, and one on each side. */
export function between(lines, x, low, high) {
  const first = lower(lines, x, low)
  return lines.slice(Math.max(0, first - 1), lower(lines, x, high) + 1)
}

function lower(lines, x, value) {
  let [low, high] = [0, lines.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (x(lines[middle]) < value) low = middle + 1
    else high = middle
  }
  return low
}

/** At most so many lines: means of equally many neighbours. */
export function binned(lines, most) {
  const size = Math.ceil(lines.length / most)
  if (size <= 1) return lines
  return Array.from({ length: Math.ceil(lines.length / size) }, (_, k) => mean(lines.slice(k * size, (k + 1) * size)))
}

/** One line for several neighbours: the means over their steps, at the place of the last of them. */
function mean(lines) {
  const steps = (line) => line.num_steps ?? 1
  const num = lines.reduce((sum, line) => sum + steps(line), 0)
  const merged = { ...lines[lines.length - 1] }
  for (const name of ["distortion", "rate", "elbo"]) merged[name] = lines.reduce((sum, line) => sum + steps(line) * line[name], 0) / num
  return merged
}

/** The means over the newest steps: of the last epoch, as far as β stayed the same. */
export function newest(lines) {
  const last = lines[lines.length - 1]
  let first = lines.length - 1
  while (first > 0 && lines[first - 1].epoch > last.epoch - 1 && lines[first - 1].beta === last.beta) first -= 1
  return mean(lines.slice(first))
}

/** Range of an axis with some air; of the early values that tower over all others only the foot is shown. */
export function extent(values, name) {
  if (!values.length) return [0, 1]
  const fromZero = name === "rate" || name === "beta"
  const sorted = Float64Array.from(values).sort()
  const high = sorted[sorted.length - 1]
  const low = fromZero ? Math.min(0, sorted[0]) : sorted[0]
  const usual = sorted[Math.floor(0.97 * (sorted.length - 1))]
  const towering = name !== "beta" && sorted.length > 60 && high - low > 2.5 * (usual - low)
  const top = towering ? low + 1.3 * (usual - low) : high
  const height = top - low || Math.abs(top) * 0.2 || 1
  // Over the line of β there is room for the labels of its changes.
  return [fromZero ? low : low - 0.08 * height, top + (name === "beta" ? 0.3 : 0.08) * height]
}

/** A number as short as a label has room for. */
export function short(value) {
  return String(Number(value.toPrecision(4)))
}
