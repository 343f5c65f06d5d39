/** Small values between the client's and protobuf's form: enums, times, durations, text, JSON. */
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { durationFromMs, timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";

import type { JsonObject, JsonValue, Unrecognised } from "./model.js";

/** Integers up to here, either sign, are exact as the doubles that the wire holds. */
const EXACT = 2n ** 53n;

/**
 * Levels of objects and arrays that the server takes. What is far deeper it cannot even read, and refuses with all that
 * comes with it. Ends circles, too.
 */
const DEEPEST = 32;

/** The numbers and words of one enum: those that the client gives, and how it reads any other. */
export class Words<Word extends string, Value extends number> {
  readonly #what: string;
  readonly #numbers: ReadonlyMap<string, Value>;
  readonly #words: ReadonlyMap<number, string>;

  /** `generated` is protobuf's enum, whose names are these words in upper case. */
  constructor(what: string, generated: Readonly<Record<string, string | Value>>) {
    const entries = Object.entries(generated).filter((entry): entry is [string, Value] => typeof entry[1] === "number");
    this.#what = what;
    this.#words = new Map(entries.map(([name, number]) => [number, name.toLowerCase()]));
    this.#numbers = new Map(entries.flatMap(([name, number]) => (number ? [[name.toLowerCase(), number]] : [])));
  }

  /** Returns a word's number; throws a RangeError that lists the words. */
  number(word: Word): Value {
    const number = this.#numbers.get(word);
    if (number === undefined) {
      throw new RangeError(`${JSON.stringify(word)} is no ${this.#what}: ${[...this.#numbers.keys()].join(", ")}`);
    }
    return number;
  }

  /** Returns a number's word, also if the number is newer than this client. */
  word(number: number): Word | Unrecognised {
    return (this.#words.get(number) ?? `unknown_${number}`) as Word | Unrecognised;
  }
}

/** Returns a text that can be sent as it is; throws for what UTF-8 cannot hold, which would be replaced silently. */
export function text(name: string, value: string | undefined): string {
  if (value === undefined) return "";
  if (typeof value !== "string") throw new TypeError(`${name} is of type ${typeof value}: give a string`);
  if (!value.isWellFormed()) throw new RangeError(`${name} has half of a surrogate pair, which is no Unicode text`);
  return value;
}

/** Returns a time as protobuf has it. */
export function timestamp(name: string, at: Date | undefined): Timestamp | undefined {
  if (at === undefined) return undefined;
  if (!(at instanceof Date)) throw new TypeError(`${name} is of type ${typeof at}: give a Date`);
  if (Number.isNaN(at.getTime())) throw new RangeError(`${name} is an invalid Date`);
  return timestampFromMs(at.getTime());
}

/** Returns a duration as protobuf has it. */
export function duration(name: string, ms: number | undefined): Duration | undefined {
  if (ms === undefined) return undefined;
  return durationFromMs(whole(name, Math.round(ms)));
}

/** Returns an integer that a field of protobuf can hold exactly. */
export function whole(name: string, value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${name} is ${value}: give a whole number`);
  return value;
}

/** Returns a whole number that fits into 32 bits; 0 for none. */
export function int32(name: string, value: number | undefined): number {
  if (value !== undefined && (whole(name, value) < -(2 ** 31) || value >= 2 ** 31)) {
    throw new RangeError(`${name} is ${value}, which is more than 32 bits hold`);
  }
  return value ?? 0;
}

/** Reads a time that is always set. */
export function date(message: Timestamp | undefined): Date {
  return message === undefined ? new Date(0) : timestampDate(message);
}

/** Reads a time that may be absent. */
export function dateOf(message: Timestamp | undefined): Date | undefined {
  return message && timestampDate(message);
}

/** Returns an object as JSON that can be sent; throws a TypeError or RangeError that names the member. */
export function json(name: string, value: unknown): JsonObject {
  const copy = plain(name, value, 0);
  if (typeof copy !== "object" || copy === null || Array.isArray(copy)) {
    throw new TypeError(`${name} is no object of JSON`);
  }
  return copy;
}

function plain(path: string, value: unknown, depth: number): JsonValue {
  switch (typeof value) {
    case "string":
      return text(path, value);
    case "boolean":
      return value;
    case "number":
      return exact(path, value);
    case "bigint":
      if (value > EXACT || value < -EXACT) throw tooLarge(path);
      return Number(value);
    case "object":
      if (value === null) return null;
      if (depth >= DEEPEST) throw new RangeError(`${path} lies too deep: metadata has ${DEEPEST} levels at most`);
      if (Array.isArray(value)) return value.map((item, index) => plain(`${path}[${index}]`, item, depth + 1));
      return members(path, value, depth);
    default:
      throw new TypeError(`${path} is of type ${typeof value}, which is not JSON`);
  }
}

function exact(path: string, value: number): number {
  if (!Number.isFinite(value)) throw new RangeError(`${path} is ${value}, which JSON does not have`);
  // A number that is 2^53 may have been written as 2^53 + 1. A bigint is what it is.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw tooLarge(path);
  return value;
}

function tooLarge(path: string): RangeError {
  return new RangeError(`${path} is an integer beyond 2^53, where digits are lost: give it as a string`);
}

function members(path: string, value: object, depth: number): JsonObject {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`${path} is a ${value.constructor.name}, which is not JSON: give a plain object or a string`);
  }
  const given = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    given.map(([key, member]) => [text(`a key of ${path}`, key), plain(`${path}.${key}`, member, depth + 1)]),
  );
}
