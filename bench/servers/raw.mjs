// The floor: node:http with a body read by hand and JSON by hand. With "headers" it also reads content-type and traceparent,
// as any real handler does.
import { createServer } from "node:http";

const readsHeaders = process.argv[2] === "headers";

createServer((request, response) => {
  if (request.method !== "POST" || request.url !== "/sum") return refuse(response, 404);
  if (readsHeaders) {
    const { "content-type": contentType, traceparent } = request.headers;
    if (contentType !== "application/json" || (traceparent !== undefined && traceparent.length !== 55))
      return refuse(response, 415);
  }
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    const { a, b } = JSON.parse(body);
    const answer = `{"v":${a + b}}`;
    response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
    response.end(answer);
  });
}).listen(Number(process.env.PORT), "127.0.0.1");

function refuse(response, status) {
  response.writeHead(status);
  response.end();
}
