// Generated from Pet store 1.2.0 (pets.json). Do not edit: generate it again.
//
// Served at https://pets.example.com/v2
//
// Note: errors without a `reason` come as a ServiceError by their status, their bodies are not carried.
// Note: security is not carried (key): give credentials by a gate, or by httpClient's headers.
import { error, method, service, type ErrorType, type Method, type Service, type ServiceError, type Types } from "servicekit";
import type { JsonSchemaObject } from "servicekit/contract";
import { fromJsonSchema, noContent } from "servicekit/jsonschema";
import { json } from "servicekit/transport";
import { form, routes, text, type Routes } from "servicekit/transport/http";

export type Pets = Pet[];

/** A pet before it is known. */
export interface NewPet {
  /** What it answers to. */
  name: string;
  tag?: string | null | undefined;
  kind?: "cat" | "dog" | null | undefined;
  owner?: Owner | null | undefined;
  labels?: {
    [name: string]: string;
  } | undefined;
}

export type Pet = NewPet & {
  id: number;
  born?: string | undefined;
};

export interface Owner {
  email: string;
}

export interface Error {
  code?: number | undefined;
  message: string;
}

export interface NameTakenDetails {
  by: number;
}

export interface ListPetsRequest {
  limit: number;
  /** Any of these. */
  tag?: string[] | undefined;
  "sort-by"?: string | undefined;
  xClientID?: string | undefined;
}

export interface GetPetRequest {
  petId: number;
}

export interface GetPet2Request {
  petId: number;
  body: Pet;
}

export interface DeletePetsPetIdRequest {
  petId: number;
}

export interface LoginRequest {
  user: string;
  form?: number | undefined;
  scope?: string[] | undefined;
}

export interface MottoRequest {}

export interface ListPetsTypes extends Types {
  reqIn: ListPetsRequest;
  reqOut: ListPetsRequest;
  resIn: Pets;
  resOut: Pets;
  failIn: never;
  failOut: never;
  kind: "unary";
}

export interface CreatePetTypes extends Types {
  reqIn: NewPet;
  reqOut: NewPet;
  resIn: Pet;
  resOut: Pet;
  failIn: ServiceError<"name_taken", NameTakenDetails>;
  failOut: ServiceError<"name_taken", NameTakenDetails>;
  kind: "unary";
}

export interface GetPetTypes extends Types {
  reqIn: GetPetRequest;
  reqOut: GetPetRequest;
  resIn: Pet;
  resOut: Pet;
  failIn: never;
  failOut: never;
  kind: "unary";
}

export interface GetPet2Types extends Types {
  reqIn: GetPet2Request;
  reqOut: GetPet2Request;
  resIn: Pet;
  resOut: Pet;
  failIn: never;
  failOut: never;
  kind: "unary";
}

export interface DeletePetsPetIdTypes extends Types {
  reqIn: DeletePetsPetIdRequest;
  reqOut: DeletePetsPetIdRequest;
  resIn: null;
  resOut: null;
  failIn: never;
  failOut: never;
  kind: "unary";
}

export interface LoginTypes extends Types {
  reqIn: LoginRequest;
  reqOut: LoginRequest;
  resIn: Owner;
  resOut: Owner;
  failIn: never;
  failOut: never;
  kind: "unary";
}

export interface MottoTypes extends Types {
  reqIn: MottoRequest;
  reqOut: MottoRequest;
  resIn: string;
  resOut: string;
  failIn: never;
  failOut: never;
  kind: "unary";
}

const $defs: { readonly [name: string]: JsonSchemaObject } = {
  Pets: { type: "array", items: { $ref: "#/$defs/Pet" } },
  NewPet: {
    type: "object",
    properties: {
      name: { type: "string", minLength: 1 },
      tag: { type: ["string", "null"] },
      kind: { type: ["string", "null"], enum: ["cat", "dog", null] },
      owner: { anyOf: [{ allOf: [{ $ref: "#/$defs/Owner" }] }, { type: "null" }] },
      labels: { type: "object", additionalProperties: { type: "string" } },
    },
    required: ["name"],
  },
  Pet: {
    allOf: [
      { $ref: "#/$defs/NewPet" },
      {
        type: "object",
        properties: { id: { type: "integer", format: "int64" }, born: { type: "string", format: "date" } },
        required: ["id"],
      },
    ],
  },
  Owner: { type: "object", properties: { email: { type: "string", format: "email" } }, required: ["email"] },
};

export const nameTaken: ErrorType<"name_taken", NameTakenDetails, NameTakenDetails> = error("name_taken", {
  code: "aborted",
  message: "There is a pet of that name.",
  details: fromJsonSchema<NameTakenDetails>({
    type: "object",
    properties: { by: { type: "integer" } },
    required: ["by"],
  }),
});

export type PetsMethods = {
  /**
   * Lists pets.
   *
   * Newest first.
   *
   * `GET /pets`
   *
   * Note: the query parameter "sort-by" is one text: a list joined by ",".
   *
   * Note: the header parameter "X-Request-ID" is no field: a client sends it with every call.
   *
   * Note: the cookie parameter "session" is not carried: cookies are no part of a request here.
   *
   * Note: the query parameter "filter" is not carried: its style is deepObject.
   *
   * Note: headers of answers are not carried: x-next.
   *
   * Note: answers are read as application/json, not as application/xml.
   */
  readonly listPets: Method<ListPetsTypes>;
  /** `POST /pets` */
  readonly createPet: Method<CreatePetTypes>;
  /** `GET /pets/{pet-id}` */
  readonly getPet: Method<GetPetTypes>;
  /**
   * `PUT /pets/{pet-id}`
   *
   * Note: callbacks are not carried: changed.
   *
   * @deprecated
   */
  readonly getPet2: Method<GetPet2Types>;
  /** `DELETE /pets/{pet-id}` */
  readonly deletePetsPetId: Method<DeletePetsPetIdTypes>;
  /** `POST /login` */
  readonly login: Method<LoginTypes>;
  /** `GET /motto` */
  readonly motto: Method<MottoTypes>;
};

export const pets: Service<PetsMethods> = service("pets", {
  listPets: method({
    request: fromJsonSchema<ListPetsRequest>({
      type: "object",
      properties: {
        limit: { type: "integer", maximum: 100, exclusiveMinimum: 0 },
        tag: { type: "array", items: { type: "string" } },
        "sort-by": { type: "string" },
        xClientID: { type: "string", format: "uuid" },
      },
      required: ["limit"],
    }),
    response: fromJsonSchema<Pets>({ $ref: "#/$defs/Pets", $defs }),
    idempotent: true,
  }),
  createPet: method({
    request: fromJsonSchema<NewPet>({ $ref: "#/$defs/NewPet", $defs }),
    response: fromJsonSchema<Pet>({ $ref: "#/$defs/Pet", $defs }),
    errors: [nameTaken],
  }),
  getPet: method({
    request: fromJsonSchema<GetPetRequest>({
      type: "object",
      properties: { petId: { type: "integer" } },
      required: ["petId"],
    }),
    response: fromJsonSchema<Pet>({ $ref: "#/$defs/Pet", $defs }),
    idempotent: true,
  }),
  getPet2: method({
    request: fromJsonSchema<GetPet2Request>({
      type: "object",
      properties: { petId: { type: "integer" }, body: { $ref: "#/$defs/Pet" } },
      required: ["petId", "body"],
      $defs,
    }),
    response: fromJsonSchema<Pet>({ $ref: "#/$defs/Pet", $defs }),
    idempotent: true,
  }),
  deletePetsPetId: method({
    request: fromJsonSchema<DeletePetsPetIdRequest>({
      type: "object",
      properties: { petId: { type: "integer" } },
      required: ["petId"],
    }),
    response: noContent,
    idempotent: true,
  }),
  login: method({
    request: fromJsonSchema<LoginRequest>({
      type: "object",
      properties: {
        user: { type: "string" },
        form: { type: "integer" },
        scope: { type: "array", items: { type: "string" } },
      },
      required: ["user"],
    }),
    response: fromJsonSchema<Owner>({ $ref: "#/$defs/Owner", $defs }),
  }),
  motto: method({
    request: fromJsonSchema<MottoRequest>({ type: "object", properties: {} }),
    response: fromJsonSchema<string>({ type: "string" }),
    idempotent: true,
  }),
});

// HEAD /photos: left out: this verb is no method of a contract.
// GET /pets/{id}.json: left out: a parameter should be a whole segment of the path, got "{id}.json".
// GET /photos: left out: its answer is image/png, and only JSON or plain text is carried.
// POST /photos: left out: its body is multipart/form-data, and only JSON and plain forms are carried.

export const petsRoutes: Routes = routes(pets, {
  listPets: { path: "GET /pets", query: ["limit", "tag", "sort-by"], header: { xClientID: "X-Client-ID" } },
  createPet: { path: "POST /pets", status: 201 },
  getPet: "GET /pets/{petId}",
  getPet2: { path: "PUT /pets/{petId}", body: "body" },
  deletePetsPetId: { path: "DELETE /pets/{petId}", status: 204 },
  login: { path: "POST /login", codec: { ...form, answers: json } },
  motto: { path: "GET /motto", codec: { ...json, answers: text } },
});
