import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instance } from "./index.ts";
import { readWritten, written } from "./written.ts";

describe("an instance in a registry of plain values", () => {
  it("comes through as JSON, whatever it is", () => {
    const text = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(
        fc.record({
          id: text,
          address: fc.constantFrom("a:1", "[::1]:80", "https://a/b"),
          service: fc.string(),
          weight: fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
          priority: fc.integer({ min: 0, max: 65_535 }),
          zone: fc.option(fc.string(), { nil: undefined }),
          version: fc.option(fc.string(), { nil: undefined }),
          tags: fc.array(fc.string()),
          metadata: fc.dictionary(fc.string(), fc.string()),
          health: fc.constantFrom("up", "down", "draining"),
        }),
        (input) => {
          const one = instance(input);
          expect(instance(readWritten(written(one)))).toEqual(one);
        },
      ),
    );
  });

  it.each([
    ["10.0.0.1:80", "10.0.0.1:80"],
    [" 10.0.0.1:80\n", "10.0.0.1:80"],
    ['"add.internal:80"', "add.internal:80"],
    ["[2001:db8::1]:80", "[2001:db8::1]:80"],
    ["http://a:80/x", "http://a:80/x"],
    ["https://add.internal", "https://add.internal"],
    ['{"host":"2001:db8::1","port":80}', "[2001:db8::1]:80"],
    ['{"Op":0,"Addr":"10.0.0.1:80"}', "10.0.0.1:80"],
    [
      '{"name":"add","id":"7","address":"10.0.0.1","port":80,"sslPort":null,"payload":{"a":1},"serviceType":"DYNAMIC"}',
      "10.0.0.1:80",
    ],
    ['{"address":"::1","port":80,"tags":null}', "[::1]:80"],
  ])("is read as others write it: %s", (text, address) => {
    expect(readWritten(text).address).toBe(address);
  });

  it("says more than what is known without it", () => {
    const known = { id: "k", service: "add" };
    expect(readWritten("a:1", known)).toMatchObject({ id: "k", service: "add" });
    expect(readWritten('{"address":"a:1","id":"x","service":"sum"}', known)).toMatchObject({ id: "x", service: "sum" });
    expect(readWritten('{"address":"a:1","id":null,"service":null}', known)).toMatchObject(known);
  });

  it.each([
    ["", "address should be a non-empty string"],
    ["no address", "address should be host:port or a URL"],
    ["10.0.0.1", "address should be host:port or a URL"],
    ["2001:db8::1:80", "address should be host:port or a URL"],
    ["https://user:hidden@add.internal", "address should have no credentials in it"],
    ["{", "it should be JSON or an address"],
    ["{}", "address should be a non-empty string, got undefined"],
    ['{"address":7}', "address should be a non-empty string, got 7"],
    ['{"address":"a:1","id":7}', "id should be a non-empty string, got 7"],
    ['{"address":"a:1","weight":"7"}', 'weight should be a number from 0.000001 to 1000000, got "7"'],
    ['{"address":"a:1","weight":-1}', "weight should be a number"],
    ['{"address":"a:1","tags":"blue"}', "tags should be a list"],
    ['{"address":"a:1","tags":[1]}', "tag should be a string, got 1"],
    ['{"address":"a:1","metadata":{"a":1}}', 'metadata "a" should be a string, got 1'],
    ['{"address":"a:1","metadata":[]}', "metadata should be"],
    ['{"address":"a:1","health":"ill"}', "health should be one of"],
    ['{"host":"a","port":0}', "port should be an integer from 1 to 65535, got 0"],
    ['{"address":"a","port":"80"}', 'port should be an integer from 1 to 65535, got "80"'],
  ])("is refused with a reason: %s", (text, message) => {
    expect(() => readWritten(text)).toThrow(message);
  });

  it("is an instance or a fault, whatever stands there", () => {
    const values = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ address: fc.jsonValue(), metadata: fc.jsonValue() }).map((one) => JSON.stringify(one)),
    );
    fc.assert(
      fc.property(values, (value) => {
        try {
          expect(readWritten(value).address).toMatch(/:/);
        } catch (error) {
          expect((error as Error).message).toMatch(/ should /);
        }
      }),
    );
    const read = readWritten('{"address":"a:1","__proto__":{"weight":9}}');
    expect([Object.getPrototypeOf(read), instance(read).weight]).toEqual([Object.prototype, 1]);
  });
});
