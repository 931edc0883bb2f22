/** The KL between two Gaussians in closed form, for numbers that follow the pointer; `vae.theory.closed_form_kl` has the same. */

/**
 * ½ (σ² + μ² − 1 − log σ²) in nats, its terms, its gradient, and two slips that notes carry.
 * @param {number} mean μ
 * @param {number} sigma σ, above 0.
 */
export function klTerms(mean, sigma) {
  const [square, variance] = [mean * mean, sigma * sigma]
  const logVariance = Math.log(variance)
  const kl = 0.5 * (variance + square - 1 - logVariance)
  return {
    variance, square, logVariance, kl, byMean: mean, bySigma: sigma - 1 / sigma, withoutSquare: 0.5 * (variance + mean - 1 - logVariance), wrongSign: -kl,
  }
}
