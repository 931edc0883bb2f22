// Notes each layout shift, for tests/browser/shifts.py.
window.__shifts = []
const nameOf = (node) => {
  const parts = []
  for (let one = node; one && parts.length < 4; one = one.parentElement ?? one.getRootNode?.().host ?? null) {
    const key = [...(one.classList ?? [])].find((word) => word.startsWith("st-key-"))
    const said = key ?? one.dataset?.component ?? one.dataset?.testid
    if (said) parts.unshift(said)
  }
  return parts.join(" > ") || (node?.nodeName ?? "?")
}
const boxOf = ({ x, y, width, height }) => `${Math.round(x)},${Math.round(y)} ${Math.round(width)}x${Math.round(height)}`
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    window.__shifts.push({
      value: entry.value, input: entry.hadRecentInput, at: entry.startTime,
      sources: entry.sources.map(({ node, previousRect: a, currentRect: b }) =>
        `${nameOf(node)} ${boxOf(a)} -> ${boxOf(b)}`),
    })
  }
}).observe({ type: "layout-shift", buffered: true })
