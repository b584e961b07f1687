/** The rules for file names in requests, the same for every store. Pure. */

import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"
import * as NameText from "../protocol/NameText.ts"
import { AccessDenied, IllegalName, NotFound } from "./FileStoreError.ts"

/**
 * The prefix of the names of unfinished uploads; requests for such names are refused.
 *
 * @category constants
 * @since 0.1.0
 */
export const uploadPrefix = ".tftp-upload-"

/** Returns true for C0, DEL and C1, which would control a terminal. */
const isControl = (code: number) => code < 0x20 || (code >= 0x7f && code < 0xa0)

/** The longest name that common file systems accept. */
const maxNameBytes = 255

/** Applies each `..` to the part before it; returns undefined if one leads above the root. */
const resolve = (parts: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const resolved: Array<string> = []
  for (const part of parts) {
    if (part !== "..") resolved.push(part)
    else if (resolved.pop() === undefined) return undefined
  }
  return resolved
}

/**
 * Parses a file name into its folders and name below the root; the result is not empty. Leading slashes, backslashes
 * and drive letters are dropped, both kinds of slashes separate folders, and `.` and empty parts are ignored: `\Boot\x`
 * and `C:/Boot//x` are `["Boot", "x"]`. A part `..` removes the part before it, which need not exist on the disk:
 * `discovery/../x` is `["x"]`.
 *
 * Fails with `IllegalName` for a control character and for an empty name, with `AccessDenied` for a name that leads
 * above the root, also in between (`a/../../x`), for a part that begins with `uploadPrefix` and for a root such as `/`,
 * and with `NotFound` for a part of more than 255 bytes, as no such file can exist.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (
  filename: string
): Result.Result<ReadonlyArray<string>, IllegalName | AccessDenied | NotFound> => {
  for (let i = 0; i < filename.length; i++) {
    if (isControl(filename.charCodeAt(i))) return Result.fail(new IllegalName({ fault: "Control" }))
  }
  const parts = resolve(
    filename
      .replace(/^(?:[A-Za-z]:|[/\\])+/, "")
      .split(/[/\\]/)
      .filter((part) => part !== "" && part !== ".")
  )
  if (parts === undefined) return Result.fail(new AccessDenied({ why: "Outside" }))
  if (parts.some((part) => part.toLowerCase().startsWith(uploadPrefix))) {
    return Result.fail(new AccessDenied({ why: "Reserved" }))
  }
  if (parts.some((part) => part.length > maxNameBytes || NameText.toBytes(part).length > maxNameBytes)) {
    return Result.fail(new NotFound())
  }
  if (parts.length > 0) return Result.succeed(parts)
  return Result.fail(filename === "" ? new IllegalName({ fault: "Empty" }) : new AccessDenied({ why: "Directory" }))
}

/** Returns true if a name is a valid one without folders. @category guards @since 0.1.0 */
export const isPlain = (name: string): boolean =>
  Result.match(parse(name), {
    onSuccess: ([only, ...more]) => only === name && more.length === 0,
    onFailure: () => false
  })

/** A rule that renames requested files. @category models @since 0.1.0 */
export interface Rule {
  /** The pattern, matched against the parts joined by `/`: `Boot/x` for `\Boot\x`. */
  readonly match: RegExp
  /** The replacement, with `$1` and `$<name>` as in `String.replace`. */
  readonly replace: string
  /** The requests that it applies to. Default: both. */
  readonly on?: "read" | "write" | undefined
}

/**
 * Applies the first matching rule; returns undefined if none matches. Names have at most 512 bytes on the wire, but the
 * caller must avoid patterns that backtrack without bound.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rewrite = (rules: ReadonlyArray<Rule>, name: string, kind: "read" | "write"): string | undefined => {
  const rule = rules.find(({ match, on = kind }) => on === kind && name.search(match) >= 0)
  return rule === undefined ? undefined : name.replace(rule.match, rule.replace)
}

/**
 * Returns the name of a client's folder, made from its address. IPv4 is unchanged, also if it is mapped into IPv6
 * (`192.0.2.7`); IPv6 has `-` for `:` and no zone (`2001-db8--7`).
 *
 * @category combinators
 * @since 0.1.0
 */
export const folderOf = ({ address }: Endpoint.Endpoint): string => {
  const plain = Endpoint.withoutZone(address).toLowerCase()
  return plain.replace(/^::ffff:(?=[\d.]+$)/, "").replaceAll(":", "-")
}

/**
 * Finds the entries of a folder that equal a name when case is ignored. An exact match is the first; the others are in
 * order of code units.
 *
 * @category combinators
 * @since 0.1.0
 */
export const allIgnoringCase = (entries: ReadonlyArray<string>, name: string): ReadonlyArray<string> => {
  const folded = name.toLowerCase()
  const others = entries.filter((entry) => entry !== name && entry.toLowerCase() === folded).sort()
  return entries.includes(name) ? [name, ...others] : others
}

/** Returns the first entry of `allIgnoringCase`; undefined if there is none. @category combinators @since 0.1.0 */
export const ignoringCase = (entries: ReadonlyArray<string>, name: string): string | undefined =>
  allIgnoringCase(entries, name)[0]
