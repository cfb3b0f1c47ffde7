import { describe, expect, it } from "vitest";
import { isSecret } from "./redaction.ts";

const none: ReadonlySet<string> = new Set();

describe("isSecret", () => {
  it.each([
    "authorization",
    "http.request.header.Authorization",
    "proxy-authorization",
    "auth",
    "x-auth-key",
    "cookie",
    "Set-Cookie",
    "user.password",
    "passwd",
    "db_pwd",
    "PASSPHRASE",
    "token",
    "accessToken",
    "refresh_token",
    "id.token.value",
    "client_secret",
    "SECRETS",
    "api_key",
    "apiKey",
    "x-api-key",
    "private.key",
    "privateKey",
    "credentials",
    "jwt",
    "bearer",
  ])("knows %s", (name) => {
    expect(isSecret(name, none)).toBe(true);
  });

  it.each([
    "author",
    "authority",
    "url.path",
    "key",
    "cart.items",
    "gen_ai.usage.input_tokens",
    "rpc.method",
    "compass",
  ])("lets %s pass", (name) => {
    expect(isSecret(name, none)).toBe(false);
  });

  it("knows configured names in any case", () => {
    expect(isSecret("Shoe.Size", new Set(["shoe.size"]))).toBe(true);
  });
});
