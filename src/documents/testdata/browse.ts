/**
 * Asks as browsers do, for whom pages are.
 *
 * @module
 */

/** The platform's own fetch. */
// oxlint-disable-next-line no-restricted-globals -- it follows redirects and unpacks bodies, as those who read pages do
export const browse: typeof fetch = fetch;
