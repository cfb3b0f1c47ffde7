import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { basic } from "./service.ts";
import { asGo, raw, testServer, type TestServer } from "./test-server.ts";

let server: TestServer;
beforeEach(async () => {
  server = await testServer();
});
afterEach(() => server[Symbol.asyncDispose]());

async function call(method: string, body: string, host: string = server.http): Promise<string> {
  return (await raw(host, asGo(`/${method}`, body))).body.trimEnd();
}

const LIMITED = '{"error":"rate limit exceeded"}';
const OPEN = '{"error":"circuit breaker is open"}';

describe("the limits", () => {
  it("let one sum a second begin", async () => {
    expect(await call("sum", '{"A":1}')).toBe('{"v":1}');
    expect(await call("sum", '{"A":2}')).toBe(LIMITED);
    await server.clock.advance(999);
    expect(await call("sum", '{"A":3}')).toBe(LIMITED);
    await server.clock.advance(1);
    expect(await call("sum", '{"A":4}')).toBe('{"v":4}');
  });

  it("let a hundred concats begin at once, then one a second", async () => {
    const answers = await Promise.all(Array.from({ length: 101 }, () => call("concat", '{"A":"x"}')));
    expect(answers.filter((answer) => answer === '{"v":"x"}').length).toBe(100);
    expect(answers.filter((answer) => answer === LIMITED).length).toBe(1);
    await server.clock.advance(1000);
    expect(await call("concat", '{"A":"y"}')).toBe('{"v":"y"}');
  });

  it("do not open the breaker, where six refusals shut Go kit's sum for a minute", async () => {
    await call("sum", '{"A":1}');
    for (let i = 0; i < 20; i++) expect(await call("sum", '{"A":1}')).toBe(LIMITED);
    await server.clock.advance(1000);
    expect(await call("sum", '{"A":1}')).toBe('{"v":1}');
  });
});

describe("the breakers", () => {
  it("open after six failures in a row, for a minute, and answer nothing of what failed", async () => {
    let isDown = true;
    const concat: typeof basic.concat = (request, context) => {
      if (isDown) throw new Error("the disk is at /dev/sda1");
      return basic.concat(request, context);
    };
    await using frail = await testServer({ rules: { ...basic, concat } });
    const concatenated = (): Promise<string> => call("concat", '{"A":"x"}', frail.http);
    for (let i = 0; i < 6; i++) expect(await concatenated()).toBe('{"error":"internal error"}');
    isDown = false;
    expect(await concatenated()).toBe(OPEN);
    expect(await call("sum", '{"A":1}', frail.http)).toBe('{"v":1}');
    await frail.clock.advance(59_999);
    expect(await concatenated()).toBe(OPEN);
    await frail.clock.advance(1);
    expect(await concatenated()).toBe('{"v":"x"}');
  });

  it("count no business error", async () => {
    for (let i = 0; i < 20; i++) {
      expect(await call("concat", '{"A":"12345678901"}')).toBe('{"error":"result exceeds maximum size"}');
    }
    expect(await call("concat", '{"A":"x"}')).toBe('{"v":"x"}');
  });
});

describe("what operators see", () => {
  it("is a line from the service, one from the endpoint and one from the transport", async () => {
    await call("sum", '{"A":1,"B":2}');
    await call("sum", '{"A":1,"B":2}');
    await call("concat", '{"A":"12345678901"}');
    const lines = server.lines().filter((line) => line.includes("method="));
    expect(lines).toEqual([
      "info service=add method=Sum a=1 b=2 v=3 err=null",
      "info service=add method=Sum transport_error=null took=0.000ms",
      "info msg=request service=add method=sum transport=http code=ok status=200 ms=0 in=13 out=8 peer=127.0.0.1",
      'info service=add method=Sum transport_error="rate limit exceeded" took=0.000ms',
      "warn msg=request service=add method=sum transport=http code=resource_exhausted reason=rate_limited status=500 ms=0 in=0 out=32 peer=127.0.0.1",
      'info service=add method=Concat a=12345678901 b= v=null err="result exceeds maximum size"',
      "info service=add method=Concat transport_error=null took=0.000ms",
      "info msg=request service=add method=concat transport=http code=out_of_range reason=max_size_exceeded status=400 ms=0 in=19 out=40 peer=127.0.0.1",
    ]);
  });

  it("is a duration per method under Go kit's name, business errors among the successes", async () => {
    await call("sum", '{"A":0,"B":0}');
    await call("sum", '{"A":1,"B":2}');
    await call("concat", '{"A":"x"}');
    const { body } = server.metrics.expose();
    const named = "example_addsvc_request_duration_seconds";
    expect(body).toContain(`# TYPE ${named} summary\n`);
    expect(body).toContain(`\n${named}_count{method="Sum",success="true"} 1\n`);
    expect(body).toContain(`\n${named}_count{method="Sum",success="false"} 1\n`);
    expect(body).toContain(`\n${named}_count{method="Concat",success="true"} 1\n`);
    expect(body).not.toContain("quantile");
  });
});
