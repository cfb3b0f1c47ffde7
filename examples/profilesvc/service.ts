/**
 * The profile service: its contract, and profiles kept in memory. It knows no wire.
 *
 * @module
 */
import { error, method, service, type Handlers } from "servicekit";
import { z } from "zod";

const id = z.string().min(1);
const address = z.object({ id, location: z.string().optional() });
const profile = z.object({ id, name: z.string().optional(), addresses: z.array(address).optional() });

// In the body of a PUT or PATCH, the id says again what the path says, or nothing.
const changes = profile.partial();

export type Profile = z.infer<typeof profile>;

export const notFound = error("missing", { code: "not_found", message: "not found" });
export const exists = error("taken", { code: "invalid_argument", message: "already exists" });
export const inconsistent = error("inconsistent_ids", { code: "invalid_argument", message: "inconsistent IDs" });

const one = z.object({ id });
const place = z.object({ id, addressID: id });
const done = z.object({});

export const profiles = service("profiles", {
  postProfile: method({ request: z.object({ profile }), response: done, errors: [exists] }),
  getProfile: method({ request: one, response: z.object({ profile }), errors: [notFound], idempotent: true }),
  putProfile: method({
    request: z.object({ id, profile: changes }),
    response: done,
    errors: [inconsistent],
    idempotent: true,
  }),
  patchProfile: method({
    request: z.object({ id, profile: changes }),
    response: done,
    errors: [notFound, inconsistent],
  }),
  deleteProfile: method({ request: one, response: done, errors: [notFound], idempotent: true }),
  getAddresses: method({
    request: one,
    response: z.object({ addresses: z.array(address).optional() }),
    errors: [notFound],
    idempotent: true,
  }),
  getAddress: method({ request: place, response: z.object({ address }), errors: [notFound], idempotent: true }),
  postAddress: method({ request: z.object({ id, address }), response: done, errors: [notFound, exists] }),
  deleteAddress: method({ request: place, response: done, errors: [notFound], idempotent: true }),
});

export type ProfileService = Handlers<typeof profiles.methods>;

/** Profiles in memory. */
export function inMemory(): ProfileService {
  const held = new Map<string, Profile>();
  return {
    postProfile({ profile }) {
      if (held.has(profile.id)) return exists();
      held.set(profile.id, profile);
      return {};
    },
    getProfile({ id }) {
      const profile = held.get(id);
      return profile === undefined ? notFound() : { profile };
    },
    // Creates or replaces.
    putProfile({ id, profile }) {
      if (profile.id !== id) return inconsistent();
      held.set(id, { ...profile, id });
      return {};
    },
    // What is absent stays; in Go kit, what is empty too.
    patchProfile({ id, profile: { id: other = id, name, addresses = [] } }) {
      if (other !== id) return inconsistent();
      const before = held.get(id);
      if (before === undefined) return notFound();
      held.set(id, {
        ...before,
        ...(name === undefined || name === "" ? {} : { name }),
        ...(addresses.length === 0 ? {} : { addresses }),
      });
      return {};
    },
    deleteProfile: ({ id }) => (held.delete(id) ? {} : notFound()),
    getAddresses({ id }) {
      const profile = held.get(id);
      return profile === undefined ? notFound() : { addresses: profile.addresses };
    },
    getAddress({ id, addressID }) {
      const address = held.get(id)?.addresses?.find((one) => one.id === addressID);
      return address === undefined ? notFound() : { address };
    },
    postAddress({ id, address }) {
      const profile = held.get(id);
      if (profile === undefined) return notFound();
      const { addresses = [] } = profile;
      if (addresses.some((one) => one.id === address.id)) return exists();
      held.set(id, { ...profile, addresses: [...addresses, address] });
      return {};
    },
    deleteAddress({ id, addressID }) {
      const profile = held.get(id);
      const { addresses = [] } = profile ?? {};
      const left = addresses.filter((one) => one.id !== addressID);
      if (profile === undefined || left.length === addresses.length) return notFound();
      held.set(id, { ...profile, addresses: left.length === 0 ? undefined : left });
      return {};
    },
  };
}
