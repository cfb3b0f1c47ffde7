/**
 * Which codec reads a request and which writes its answer (RFC 9110 §12.5.1), with the common cases first.
 *
 * @module
 */

/** What negotiation looks at of a codec. */
export interface Typed {
  readonly mediaType: string;
}

/** The media type of a codec that takes whatever comes, as servers do that never look. */
const ANY_TYPE = "*/*";

/** The codec for a content type: the first when there is no header, undefined when none fits. */
export function codecFor<C extends Typed>(codecs: readonly C[], contentType: string | undefined): C | undefined {
  const first = codecs[0]!;
  if (contentType === undefined || contentType === first.mediaType || first.mediaType === ANY_TYPE) return first;
  const mediaType = mediaTypeOf(contentType);
  if (mediaType.length < contentType.length && hasOtherCharset(contentType)) return undefined;
  const exact = codecs.find((codec) => codec.mediaType === mediaType);
  // RFC 6839 §3.1: what is built on JSON can be read as JSON.
  if (exact !== undefined || !mediaType.endsWith("+json")) return exact;
  return codecs.find((codec) => codec.mediaType === "application/json");
}

// Text is UTF-8 here (RFC 8259 §8.1). Anything else would be read wrongly, and perhaps without anybody noticing.
function hasOtherCharset(contentType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(contentType)?.[1];
  return charset !== undefined && !/^utf-?8$/i.test(charset);
}

/** The codec for an answer: `preferred` when it is accepted, else the first that is, undefined when none is. */
export function accepted<C extends Typed>(
  codecs: readonly C[],
  accept: string | undefined,
  preferred: C,
): C | undefined {
  if (accept === undefined || accept === ANY_TYPE || accept === preferred.mediaType) return preferred;
  if (preferred.mediaType === ANY_TYPE) return preferred;
  const ranges = accept.split(",", 32).map(rangeOf);
  const quality = (codec: C): number => {
    let best = 0;
    let precision = -1;
    for (const range of ranges) {
      const match =
        range.type === codec.mediaType
          ? 2
          : range.type === ANY_TYPE
            ? 0
            : matchesType(range.type, codec.mediaType)
              ? 1
              : -1;
      if (match > precision) [precision, best] = [match, range.quality];
    }
    return best;
  };
  let chosen: C | undefined;
  let most = 0;
  for (const codec of [preferred, ...codecs]) {
    const q = quality(codec);
    if (q > most) [chosen, most] = [codec, q];
  }
  return chosen;
}

function mediaTypeOf(contentType: string): string {
  const end = contentType.indexOf(";");
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

function matchesType(range: string, mediaType: string): boolean {
  return range.endsWith("/*") && mediaType.startsWith(range.slice(0, -1));
}

function rangeOf(text: string): { readonly type: string; readonly quality: number } {
  const q = /;\s*q\s*=\s*([0-9.]{1,5})/i.exec(text);
  const quality = q === null ? 1 : Number(q[1]);
  return { type: mediaTypeOf(text), quality: Number.isNaN(quality) ? 0 : Math.min(quality, 1) };
}
