// What the API has for a rule: label selectors, and which EndpointSlices are valid.

/** One requirement. @typedef {{ key: string, values?: string[], isNot: boolean }} Requirement */

const KEY = "(?:[a-z0-9.-]+/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?";
const VALUE = "(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?";
const FORMS = [
  new RegExp(`^(${KEY})\\s*(=|==|!=)\\s*(${VALUE})$`),
  new RegExp(`^(${KEY})\\s+(in|notin)\\s+\\(([^()]*)\\)$`),
  new RegExp(`^(!?)\\s*(${KEY})$`),
];

/** The requirements of a selector, or what is wrong with it. @param {string} text @returns {Requirement[] | string} */
export function selectorOf(text) {
  /** @type {Requirement[]} */
  const requirements = [];
  if (text.trim() === "") return requirements;
  for (const part of text.split(/,(?![^(]*\))/)) {
    const [equal, set, is] = FORMS.map((form) => form.exec(part.trim()));
    if (equal) requirements.push({ key: equal[1] ?? "", values: [equal[3] ?? ""], isNot: equal[2] === "!=" });
    else if (set)
      requirements.push({
        key: set[1] ?? "",
        values: (set[3] ?? "").split(",").map((one) => one.trim()),
        isNot: set[2] === "notin",
      });
    else if (is) requirements.push({ key: is[2] ?? "", isNot: is[1] === "!" });
    else return `unable to parse requirement: found '${part}'`;
  }
  return requirements;
}

/** @param {Requirement[]} requirements @param {Record<string, string>} labels */
export function matches(requirements, labels) {
  return requirements.every(({ key, values, isNot }) => {
    const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
    const has = values === undefined ? label !== undefined : label !== undefined && values.includes(label);
    return has !== isNot;
  });
}

/** What is wrong with a slice; undefined: nothing. @param {any} slice @param {{ isIPv4(text: string): boolean, isIPv6(text: string): boolean }} net */
export function check(slice, { isIPv4, isIPv6 }) {
  if (typeof slice !== "object" || slice === null) return "it is no object";
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(slice.metadata?.name ?? "")) return "metadata.name: Invalid value";
  const isAddress = { IPv4: isIPv4, IPv6: isIPv6, FQDN: (/** @type {string} */ text) => /^[a-z0-9.-]+$/.test(text) }[
    /** @type {"IPv4"} */ (slice.addressType)
  ];
  if (isAddress === undefined) return `addressType: Unsupported value: "${slice.addressType}"`;
  if (!Array.isArray(slice.endpoints)) return "endpoints: Required value";
  if (slice.endpoints.length > 1000) return "endpoints: Too many: must have at most 1000 items";
  for (const { addresses } of slice.endpoints) {
    if (!Array.isArray(addresses) || addresses.length === 0) return "endpoints[].addresses: Required value";
    for (const address of addresses) {
      if (!isAddress(address)) return `endpoints[].addresses: Invalid value: "${address}"`;
      if (/^(127\.|::1$|169\.254\.)/.test(address))
        return `endpoints[].addresses: Invalid value: "${address}": may not be loopback or link-local`;
    }
  }
  const names = (slice.ports ?? []).map((/** @type {any} */ one) => one.name ?? "");
  if (new Set(names).size < names.length) return "ports[].name: Duplicate value";
  return undefined;
}
