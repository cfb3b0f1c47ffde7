/**
 * The page on which methods can be tried: Swagger UI with the server's own document, and nothing from anywhere else.
 *
 * @module
 */
import type { Page } from "../transport/http/page.ts";
import { text } from "../transport/http/page.ts";
import type { DocumentServer } from "./document-info.ts";
import { resourceAnswer } from "./etag.ts";
import { relative } from "./relative.ts";
import { UI_FILES, uiFile, type UiPackage } from "./ui-files.ts";

/** What the page is made of. */
export interface UiPageSource {
  /** Where it is. */
  readonly path: string;
  /** Where the document is. */
  readonly document: string;
  readonly title: string;
  readonly servers: readonly DocumentServer[];
  readonly ui: UiPackage;
}

const SCRIPT = `const place = document.getElementById("swagger-ui");
SwaggerUIBundle({
  url: new URL(place.dataset.document, document.baseURI).href,
  domNode: place,
  deepLinking: true,
  displayOperationId: true,
  // The public validator would be told of every document.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
`;

const STYLE = `html { box-sizing: border-box; overflow-y: scroll; }
*, *::before, *::after { box-sizing: inherit; }
body { margin: 0; background: #fafafa; }
@media (max-width: 600px) {
  .swagger-ui .wrapper { padding: 0 10px; }
  .swagger-ui .info { margin: 20px 0; }
  .swagger-ui .info .title { font-size: 26px; overflow-wrap: anywhere; }
  .swagger-ui .opblock .opblock-summary-operation-id { display: none; }
  .swagger-ui .response-col_links { display: none; }
  .swagger-ui .headers-wrapper table, .swagger-ui .headers-wrapper tbody, .swagger-ui .headers-wrapper tr { display: block; }
  .swagger-ui .headers-wrapper thead { display: none; }
  .swagger-ui .headers-wrapper td { display: inline-block; padding: 0 8px 0 0; }
  .swagger-ui .opblock .opblock-summary-path { max-width: none; }
  .swagger-ui table, .swagger-ui .responses-inner { max-width: 100%; overflow-x: auto; }
}
`;

/** The page and its files. */
export function uiPages({ path, document, title, servers, ui }: UiPageSource): readonly Page[] {
  const files = new Map<string, Page["answer"]>();
  const add = (name: string, answer: Page["answer"]): void => void files.set(`${path}/${name}`, answer);
  add("page.js", resourceAnswer({ contentType: "text/javascript; charset=utf-8", body: SCRIPT }));
  add("page.css", resourceAnswer({ contentType: "text/css; charset=utf-8", body: STYLE }));
  for (const name of UI_FILES) add(`${ui.version}/${name}`, uiFile(ui, name));
  const page = resourceAnswer({
    contentType: "text/html; charset=utf-8",
    body: html(title, { document: relative(path, document), at: (name) => relative(path, `${path}/${name}`), ui }),
    headers: ["content-security-policy", policy(servers), "referrer-policy", "no-referrer"],
  });
  // Relative, so that it holds wherever the server is mounted.
  const moved = { status: 308, headers: ["location", `../${path.slice(path.lastIndexOf("/") + 1)}`] };
  return [
    { path, answer: page },
    {
      path: `${path}/*`,
      answer(request) {
        if (request.path === `${path}/`) return moved;
        return files.get(request.path)?.(request) ?? text(404, "404 not found\n");
      },
    },
  ];
}

interface Places {
  readonly document: string;
  readonly at: (name: string) => string;
  readonly ui: UiPackage;
}

function html(title: string, { document, at, ui: { version } }: Places): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="${at(`${version}/swagger-ui.css`)}">
<link rel="stylesheet" href="${at("page.css")}">
<link rel="icon" type="image/png" href="${at(`${version}/favicon-32x32.png`)}">
</head>
<body>
<div id="swagger-ui" data-document="${escaped(document)}"></div>
<noscript>This page needs scripts; <a href="${escaped(document)}">the document</a> does not.</noscript>
<script src="${at(`${version}/swagger-ui-bundle.js`)}" defer></script>
<script src="${at("page.js")}" defer></script>
</body>
</html>
`;
}

// What is tried goes to the servers that the document names, so those may be reached too.
function policy(servers: readonly DocumentServer[]): string {
  const origins = servers.map(({ url }) => originOf(url)).filter((one) => one !== undefined);
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${[...new Set(["'self'", ...origins])].join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function originOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, origin } = new URL(url);
  return protocol === "http:" || protocol === "https:" ? origin : undefined;
}

function escaped(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
