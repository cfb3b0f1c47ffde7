/**
 * Finds where a message ends that has no frame around it, as its bytes come in. It goes on where it stopped, so that a peer
 * who sends byte by byte costs no more than one who sends at once, and it holds what a message says of its sizes against
 * the bounds before anything is kept for it.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import { isType, malformed, tooDeep, TYPE } from "./types.ts";

/** Bounds of a message. */
export interface ScanLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/** Looks for the end of one message after the other. */
export interface Scanner {
  /** The end of the message that begins at 0, undefined when it is not here yet; throws when it cannot be read. */
  scan(bytes: Buffer, end: number): number | undefined;
  /** The next message begins at 0. */
  reset(): void;
}

/** What stands for a type when the bytes that say it are not here yet. */
export const WAIT = -1;

/** What stands for the number of values of a struct, which says by itself when it ends. */
const STRUCT = -1;

/** What scanners of the binary and the compact protocol share. */
export abstract class StructScanner implements Scanner {
  protected bytes: Buffer = Buffer.alloc(0);
  protected end = 0;
  protected at = 0;
  /** How many parts of the message's head were read. */
  protected part = 0;
  readonly #limits: ScanLimits;
  /** The least bytes of a value of each type. */
  readonly #least: readonly number[];
  /** Bytes to pass over that may not be here yet. */
  #pass = 0;
  /** What is open: for each how many values are left, and their types in turn. */
  #left: number[] = [];
  #odd: number[] = [];
  #even: number[] = [];
  /** The type of the field whose value comes next. */
  #field = WAIT;
  #isBegun = false;

  constructor(limits: ScanLimits, least: readonly number[]) {
    this.#limits = limits;
    this.#least = least;
  }

  /** Reads the next part of the head: true when it was the last, false when there are more, undefined when it is not here. */
  protected abstract readHead(): boolean | undefined;
  /** Reads the head of a field: its type, or WAIT. */
  protected abstract readField(): number;
  /** Reads the head of a list or map and opens it; false when it is not here yet. */
  protected abstract readList(): boolean;
  protected abstract readMap(): boolean;
  /** Reads a value that holds no others; false when it is not here yet. */
  protected abstract readValue(type: number, isField: boolean): boolean;

  reset(): void {
    this.at = this.part = this.#pass = 0;
    this.#left = [];
    this.#odd = [];
    this.#even = [];
    this.#field = WAIT;
    this.#isBegun = false;
  }

  scan(bytes: Buffer, end: number): number | undefined {
    this.bytes = bytes;
    this.end = end;
    while (this.#go());
    if (Math.min(this.at, end) > this.#limits.maxBytes) throw policyError("too_large");
    return this.#isBegun && this.#left.length === 0 && this.#pass === 0 ? this.at : undefined;
  }

  /** Goes one step; false at the end, of the message or of what is here. */
  #go(): boolean {
    if (this.#pass > 0) {
      const passed = Math.min(this.#pass, this.end - this.at);
      this.at += passed;
      this.#pass -= passed;
      return this.#pass === 0;
    }
    if (!this.#isBegun) {
      const isLast = this.readHead();
      if (isLast === true) {
        this.#isBegun = true;
        this.#open(STRUCT, 0, 0);
      }
      return isLast !== undefined;
    }
    return this.#left.length > 0 && this.#step();
  }

  #step(): boolean {
    const top = this.#left.length - 1;
    const left = this.#left[top]!;
    if (left === 0) return this.#close();
    if (left === STRUCT) {
      if (this.#field === WAIT) this.#field = this.readField();
      if (this.#field === WAIT) return false;
      if (this.#field === TYPE.STOP) return this.#close();
      if (!this.#value(this.#field, true)) return false;
      this.#field = WAIT;
      return true;
    }
    if (!this.#value((left % 2 === 0 ? this.#even : this.#odd)[top]!, false)) return false;
    this.#left[top] = left - 1;
    return true;
  }

  #close(): boolean {
    this.#left.pop();
    this.#odd.pop();
    this.#even.pop();
    this.#field = WAIT;
    return true;
  }

  #value(type: number, isField: boolean): boolean {
    if (type === TYPE.STRUCT) this.#open(STRUCT, 0, 0);
    else if (type === TYPE.MAP) return this.readMap();
    else if (type === TYPE.LIST || type === TYPE.SET) return this.readList();
    else if (isType(type)) return this.readValue(type, isField);
    else throw malformed("a type is not known");
    return true;
  }

  /** Whether so many bytes are here. */
  protected has(length: number): boolean {
    return length <= this.end - this.at;
  }

  /** Passes over bytes, also those that are not here yet. */
  protected pass(length: number): true {
    if (length < 0) throw malformed("a size is negative");
    if (length > this.#limits.maxBytes - this.at) throw policyError("too_large");
    this.#pass = length;
    return true;
  }

  /** Opens a list or a map of `size` elements. */
  protected openList(size: number, type: number): true {
    this.#check(size, type, 0);
    if (size > 0) this.#open(size, type, type);
    return true;
  }

  protected openMap(size: number, key: number, value: number): true {
    this.#check(size, key, this.#least[value] ?? 0);
    this.#check(size, value, this.#least[key] ?? 0);
    if (size > 0) this.#open(size * 2, value, key);
    return true;
  }

  #check(size: number, type: number, besides: number): void {
    if (size < 0) throw malformed("a size is negative");
    if (size === 0) return;
    if (!isType(type)) throw malformed("a type is not known");
    if (size * (this.#least[type]! + besides) > this.#limits.maxBytes - this.at) throw policyError("too_large");
  }

  #open(left: number, odd: number, even: number): void {
    if (this.#left.length >= this.#limits.maxDepth) throw tooDeep(this.#limits.maxDepth);
    this.#left.push(left);
    this.#odd.push(odd);
    this.#even.push(even);
    this.#field = WAIT;
  }
}
