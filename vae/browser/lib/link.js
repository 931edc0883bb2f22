/**
 * Modules without a server: from their texts to addresses in this page. It imports nothing itself, so that it can stand in a page, or at
 * the head of a widget, as it is; `vae/browser/bundle.py` writes what it reads.
 */

/**
 * Give each module an address that the others import it by.
 * @param {[string, string][]} modules Path and text of each, after all that it imports; `"latent-lab:path"` stands for an import.
 * @returns {Record<string, string>} The address of each, by its path.
 */
export function link(modules) {
  /** @type {Record<string, string>} */
  const addresses = {}
  for (const [path, text] of modules) {
    const linked = text.replace(/"latent-lab:([^"/][^"]*)"/g, (_, name) => JSON.stringify(addresses[name]))
    addresses[path] = URL.createObjectURL(new Blob([linked], { type: "text/javascript" }))
  }
  return addresses
}
