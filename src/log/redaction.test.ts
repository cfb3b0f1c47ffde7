import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../time/index.ts";
import { Redaction } from "./redaction.ts";

const redaction = new Redaction();

describe("a secret name", () => {
  it.each([
    "password",
    "PASSWORD",
    "db_password",
    "dbPassword",
    "authorization",
    "Proxy-Authorization",
    "cookie",
    "Set-Cookie",
    "secret",
    "client_secret",
    "token",
    "accessToken",
    "x-csrf-token",
    "apiKey",
    "api_key",
    "X-Api-Key",
    "api key",
    "private.key",
    "credentials",
  ])("is %s", (name) => {
    expect(redaction.isSecret(name)).toBe(true);
  });

  it.each(["tokens", "key", "author", "passenger", "cookieBanner", "secretary", "__proto__", "toString", ""])(
    "is not %j",
    (name) => {
      expect(redaction.isSecret(name)).toBe(false);
    },
  );

  it("is any name given, in any case and spelling", () => {
    const own = new Redaction(["socialSecurityNumber"]);
    expect(own.isSecret("social_security_number")).toBe(true);
    expect(own.isSecret("Social-Security-Number")).toBe(true);
    expect(own.isSecret("number")).toBe(false);
  });

  it("is found at the end of an endless name", () => {
    expect(redaction.isSecret(`${"x".repeat(100_000)}_password`)).toBe(true);
  });

  it("cannot be empty", () => {
    expect(() => new Redaction([""])).toThrow('redact should be a non-empty string, got ""');
  });

  it("stays what it is when a hundred thousand other names were asked for", () => {
    const own = new Redaction();
    for (let i = 0; i < 100_000; i++) own.isSecret(`name${i}`);
    expect(own.isSecret("name5")).toBe(false);
    expect(own.isSecret("token5")).toBe(false);
    expect(own.isSecret("password")).toBe(true);
  });
});

describe("a text is scrubbed of", () => {
  it.each([
    ["a header line", "Authorization: Bearer abc def", "Authorization: [redacted]"],
    ["all of a cookie header, and only of it", "cookie: a=1; b=2\r\nhost: x", "cookie: [redacted]\r\nhost: x"],
    ["an assignment", "user=ada password=hunter2 port=1", "user=ada password=[redacted] port=1"],
    ["a query parameter", "/cb?code=1&access_token=abc&x=2", "/cb?code=1&access_token=[redacted]&x=2"],
    ["a member of JSON", '{"user":"ada","password":"a\\"b","x":1}', '{"user":"ada","password":[redacted],"x":1}'],
    ["a member of JSON that was cut", '{"secret":"abc', '{"secret":[redacted]'],
    ["a word with a colon", "password: hunter2, user: ada", "password: [redacted], user: ada"],
    ["credentials of a scheme", "sent Bearer eyJhbGciOi.J9.x to peer", "sent Bearer [redacted] to peer"],
    ["credentials without a digit", "got Basic dXNlcjpwYXNz", "got Basic [redacted]"],
    [
      "the password of a URL",
      "connect postgres://ada:hunter2@db:5432/x",
      "connect postgres://ada:[redacted]@db:5432/x",
    ],
    ["an api key", "x-api-key: k-123", "x-api-key: [redacted]"],
  ])("%s", (_, text, scrubbed) => {
    expect(redaction.scrub(text)).toBe(scrubbed);
  });

  it.each([
    "Basic authentication required",
    "bearer of bad news",
    "listening on http://127.0.0.1:8080/x",
    "2026-01-01T00:00:00Z",
    "a=1, b: 2",
    "tokens: 5",
    "at file:///app/src/token.ts:10:5",
  ])("nothing in %j", (text) => {
    expect(redaction.scrub(text)).toBe(text);
  });

  it("names given by the user, to the end of the line", () => {
    expect(new Redaction(["ssn", "a.b|c"]).scrub("ssn: 123 45\nuser: ada a.b|c=7")).toBe(
      "ssn: [redacted]\nuser: ada a.b|c=[redacted]",
    );
  });

  it("the same, when it has been scrubbed before", () => {
    const texts = fc.constantFrom(
      "password=x",
      " cookie: y",
      "\n",
      "token: ",
      "Bearer abc123",
      "://a:b@",
      '"',
      ",",
      " ",
      "secret",
      "=",
    );
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 8 }), (parts) => {
        const once = redaction.scrub(parts.join(""));
        expect(redaction.scrub(once)).toBe(once);
      }),
    );
  });

  it("a hostile text in time that grows no faster than the text", () => {
    const hostile = ["password=", "://a:", "Bearer   ", 'token":"\\', "authorization : ", "Basic aaaa", "=", " "];
    const slow = hostile.filter((part) => {
      const text = part.repeat(Math.ceil(200_000 / part.length));
      const start = systemClock.now();
      redaction.scrub(text);
      return systemClock.now() - start > 1000;
    });
    expect(slow).toEqual([]);
  });
});
