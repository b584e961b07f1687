/** What a client may call a file: rules over text, the same for every store. Pure. */

import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"
import { AccessDenied, IllegalName, NotFound } from "./FileStoreError.ts"

/**
 * How the names of unfinished uploads begin. No client can ask for such a name.
 *
 * @category constants
 * @since 0.1.0
 */
export const uploadPrefix = ".tftp-upload-"

/** C0, DEL and C1: nothing that a terminal or a log would obey. */
const isControl = (code: number) => code < 0x20 || (code >= 0x7f && code < 0xa0)

/** What every common file system takes for one name, in bytes. */
const maxNameBytes = 255

const utf8 = new TextEncoder()

/**
 * The folders and the name that a filename stands for, below the root: slashes, backslashes and drive letters in front
 * are dropped, both slashes part folders, and `.` and empty parts mean nothing, so `\Boot\x` and `C:/Boot//x` are
 * `["Boot", "x"]`. Never empty.
 *
 * A NUL or another control character, and a name without parts, is `IllegalName`. A part `..` is `AccessDenied`
 * wherever it leads (`a..b` is a name like any other), so is one that begins as unfinished uploads do. A part of more
 * than 255 bytes is `NotFound`: no such file can exist.
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
  const parts = filename
    .replace(/^(?:[A-Za-z]:|[/\\])+/, "")
    .split(/[/\\]/)
    .filter((part) => part !== "" && part !== ".")
  if (parts.includes("..")) return Result.fail(new AccessDenied({ why: "Outside" }))
  if (parts.some((part) => part.toLowerCase().startsWith(uploadPrefix))) {
    return Result.fail(new AccessDenied({ why: "Reserved" }))
  }
  if (parts.some((part) => part.length > maxNameBytes || utf8.encode(part).length > maxNameBytes)) {
    return Result.fail(new NotFound())
  }
  if (parts.length > 0) return Result.succeed(parts)
  return Result.fail(filename === "" ? new IllegalName({ fault: "Empty" }) : new AccessDenied({ why: "Directory" }))
}

/** A change of names. @category models @since 0.1.0 */
export interface Rule {
  /** Looked for in the parts joined by `/`, so in `Boot/x` for `\Boot\x`. */
  readonly match: RegExp
  /** What takes its place, with `$1` and `$<name>` as `String.replace` knows them. */
  readonly replace: string
  /** Default: both reading and writing. */
  readonly on?: "read" | "write" | undefined
}

/**
 * Applies the first rule that matches; undefined if none does. Names are at most 512 bytes long on the wire, but a
 * pattern that backtracks without bound is the caller's own trap.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rewrite = (rules: ReadonlyArray<Rule>, name: string, kind: "read" | "write"): string | undefined => {
  const rule = rules.find(({ match, on = kind }) => on === kind && name.search(match) >= 0)
  return rule === undefined ? undefined : name.replace(rule.match, rule.replace)
}

/**
 * The name of a client's own folder, after its address: `192.0.2.7` is its own name, also when it comes mapped into
 * IPv6; in IPv6 `-` stands for `:`, and the zone is left out: `2001-db8--7`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const folderOf = ({ address }: Endpoint.Endpoint): string => {
  const plain = Endpoint.withoutZone(address).toLowerCase()
  return plain.replace(/^::ffff:(?=[\d.]+$)/, "").replaceAll(":", "-")
}

/**
 * The one entry of a folder that is the name but for case; the name itself if it is there. Where several differ from
 * it only by case, the first in order of code units.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ignoringCase = (entries: ReadonlyArray<string>, name: string): string | undefined => {
  if (entries.includes(name)) return name
  const folded = name.toLowerCase()
  return entries.filter((entry) => entry.toLowerCase() === folded).sort()[0]
}
