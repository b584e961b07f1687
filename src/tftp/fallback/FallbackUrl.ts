/**
 * The URL of a fallback server, such as `http://192.0.2.1/boot/`: all files are requested below it. Pure.
 *
 * A name that leads above the URL once its percent escapes are decoded, also twice, is refused, and so is a redirect to
 * another server or folder. Some servers decode more than once, and would serve a file outside.
 */
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as NameText from "../protocol/NameText.ts"
import * as Url from "../protocol/Url.ts"

/** The URL of a folder on an HTTP server. */
export interface HttpFolder {
  readonly _tag: "Http"
  /** The URL, which ends with a slash, without user and password. */
  readonly href: string
  /** The value of the header `authorization`, if the URL has a user. */
  readonly authorization: Redacted.Redacted | undefined
}

/** The URL of a folder on a TFTP server. */
export interface TftpFolder {
  readonly _tag: "Tftp"
  /** The URL, which ends with a slash. */
  readonly href: string
  readonly host: string
  readonly port: number
  /** The folder, empty or with a slash at its end. */
  readonly path: string
}

/** The URL of a fallback server. */
export type FallbackUrl = HttpFolder | TftpFolder

const problems = {
  Scheme: "must be http://, https:// or tftp://, a host, and a folder",
  Invalid: "is not a valid URL; write http://HOST[:PORT]/FOLDER/",
  User: "user and password must be percent-encoded; write % as %25",
  Query: "must not have a query or a fragment: the names of the files follow the folder",
  Outside: "must name a folder without .. in its path"
}

/** A text that is not the URL of a fallback server. @category errors @since 0.1.0 */
export class FallbackUrlError extends Data.TaggedError("FallbackUrlError")<{
  readonly reason: keyof typeof problems | Url.UrlError["reason"]
  readonly detail: string
  /** The text, without user and password. */
  readonly url: string
}> {
  override get message(): string {
    return `invalid fallback URL ${NameText.escape(this.url)}: ${this.detail}`
  }
}

/** Removes user and password. A password that is not encoded may contain anything: it ends at the last `@`. */
const withoutUser = (url: string) => url.replace(/\/\/(?:[^/?#:]*:.*|[^/?#]*)@/s, "//")

/** Returns true if a part of the path is `..`, also with a parameter, which some servers ignore: `..;x`. */
const hasParent = (path: string) => path.split(/[/\\]/).some((part) => /^\.\.(?:;|$)/.test(part))

const decode = (path: string) =>
  path.replaceAll(/%([0-7][\dA-F])/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)))

/** The most times that a path is decoded, which takes time: one with escapes after that is refused. */
const maxDecodings = 16

/** Returns true if a path leads to the folder above one of its folders, however often it is decoded. */
const leadsUp = (path: string): boolean => {
  let current = path
  for (let decodings = 0; decodings < maxDecodings; decodings++) {
    if (hasParent(current)) return true
    const decoded = decode(current)
    if (decoded === current) return false
    current = decoded
  }
  return true
}

/** Returns the header of a user and a password (RFC 7617). */
const basicAuthorization = (userAndPassword: string) =>
  Redacted.make(`Basic ${btoa(String.fromCharCode(...NameText.toBytes(userAndPassword)))}`)

const invalid = (reason: FallbackUrlError["reason"], detail: string, url: string) =>
  Result.fail(new FallbackUrlError({ reason, detail, url: withoutUser(url) }))

const fail = (reason: keyof typeof problems, url: string) => invalid(reason, problems[reason], url)

/** The part of a URL before its path. */
const beforePath = /^[a-z]+:\/\/[^/\\]*/i

const parseHttp = (text: string): Result.Result<HttpFolder, FallbackUrlError> => {
  const parsed = Result.getOrUndefined(Result.try(() => new URL(text)))
  if (parsed === undefined) return fail("Invalid", text)
  // The parser has already applied each .. to the path.
  if (leadsUp(text.replace(beforePath, ""))) return fail("Outside", text)
  const { origin, password, pathname, username } = parsed
  const userAndPassword = NameText.fromUrlPath(`${username}:${password}`)
  if (userAndPassword === undefined) return fail("User", text)
  return Result.succeed({
    _tag: "Http",
    href: `${origin}${pathname}`,
    authorization: userAndPassword === ":" ? undefined : basicAuthorization(userAndPassword)
  })
}

/** The name that stands for a file while the URL of a folder is parsed. */
const anyFile = "x"

const parseTftp = (text: string): Result.Result<TftpFolder, FallbackUrlError> =>
  Result.match(Url.parse(`${text}${anyFile}`), {
    onFailure: ({ message, reason }) => invalid(reason, message.replace(/^.*: /s, ""), text),
    onSuccess: ({ host, path, port }) =>
      leadsUp(path)
        ? fail("Outside", text)
        : Result.succeed({ _tag: "Tftp", href: text, host, port, path: path.slice(0, -anyFile.length) })
  })

/** Parses the URL of a folder. The slash at the end may be missing. */
export const parse = (text: string): Result.Result<FallbackUrl, FallbackUrlError> => {
  const [, scheme] = /^(https?|tftp):\/\/[^/\\?#]/i.exec(text) ?? []
  if (scheme === undefined) return fail("Scheme", text)
  if (/[?#]/.test(text)) return fail("Query", text)
  const folder = text.endsWith("/") ? text : `${text}/`
  return scheme.toLowerCase() === "tftp" ? parseTftp(folder) : parseHttp(folder)
}

/** Returns the path of a file below the folder; undefined if it could lead out of it. */
export const pathOf = (parts: ReadonlyArray<string>): string | undefined => {
  const path = parts.join("/")
  return leadsUp(path) ? undefined : path
}

/** Returns the URL of a file by its path. */
export const fileUrl = ({ href }: FallbackUrl, path: string): string => `${href}${NameText.toUrlPath(path)}`

/** Returns the target of a redirect from a URL; undefined if it is outside of the folder. */
export const redirect = ({ href }: HttpFolder, from: string, location: string): string | undefined => {
  const target = Result.getOrUndefined(Result.try(() => new URL(location, from)))
  if (target === undefined || target.username !== "" || target.password !== "") return undefined
  return target.href.startsWith(href) && !leadsUp(target.pathname) ? target.href : undefined
}
