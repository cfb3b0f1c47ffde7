/**
 * The trim service. Its names are those of its wire: `/pb.Trim/Trim`, a text with the number 1 both ways.
 *
 * @module
 */
import { method, service } from "servicekit";
import { z } from "zod";

const text = z.object({ s: z.string().default("") });

export const trim = service("pb.Trim", {
  Trim: method({ request: text, response: text, idempotent: true }),
});

export const basic = {
  Trim: ({ s }: { s: string }) => ({ s: s.replaceAll(" ", "") }),
};
