/**
 * A file with a list of hosts, which is read again when it changes: hosts that are added join a run, and others leave.
 *
 * ```
 * # the machines of the lab
 * lab1
 * lab2:1071      # the port is 1070 by default
 * [2001:db8::3]:1070
 * ```
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as RegularFile from "../../network/files/RegularFile.ts"
import * as TcpWorkers from "./TcpWorkers.ts"

/** A line that is not a host. @category models @since 0.1.0 */
export interface Problem {
  /** The number of the line, from 1. */
  readonly line: number
  readonly message: string
}

/**
 * Parses a list: one host on each line, or several with commas between them; `#` begins a comment.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (
  text: string
): { readonly hosts: ReadonlyArray<string>; readonly problems: ReadonlyArray<Problem> } => {
  const hosts = new Set<string>()
  const problems: Array<Problem> = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const names = line
      .replace(/#.*/, "")
      .split(",")
      .map((name) => name.trim())
    for (const name of names) {
      if (name === "") continue
      const place = TcpWorkers.parseHost(name)
      if (Result.isSuccess(place)) hosts.add(name)
      else problems.push({ line: index + 1, message: place.failure })
    }
  }
  return { hosts: [...hosts], problems }
}

/** Limit of the file. */
const maxBytes = 1_048_576

/**
 * Reads the text of a file. Fails if it is not a regular file, or has more than 1 MiB.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (path: string) => RegularFile.readText(path, maxBytes)

const defaultInterval = Duration.seconds(2)

/** The text of a file, or the reason why it cannot be read. */
type Content = Result.Result<string, RegularFile.RegularFileError>

const isEqual = (one: Content | undefined, two: Content) =>
  one !== undefined && Result.isSuccess(one) === Result.isSuccess(two) && textOf(one) === textOf(two)

const textOf = (content: Content) => (Result.isSuccess(content) ? content.success : content.failure.message)

/**
 * Emits the hosts of a file, and again after each change; it is read each two seconds. A line that is not a host is
 * logged and skipped. If the file cannot be read, that is logged, and the hosts stay. For `TcpWorkers.make`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const watch = (
  path: string,
  interval: Duration.Input = defaultInterval
): Stream.Stream<ReadonlyArray<string>, never, FileSystem.FileSystem> => {
  const warn = (message: string) => Effect.logWarning(`${path}${message}`)
  const listOf = Effect.fnUntraced(function* (content: Content) {
    if (Result.isFailure(content)) {
      yield* warn(`: ${content.failure.message}; the hosts stay as they are`)
      return []
    }
    const { hosts, problems } = parse(content.success)
    for (const { line, message } of problems) yield* warn(`:${line}: ${message}; skipped`)
    return [hosts]
  })
  return Stream.tick(interval).pipe(
    Stream.mapEffect(() => Effect.result(read(path))),
    Stream.mapAccumEffect(
      (): Content | undefined => undefined,
      (last, content) =>
        isEqual(last, content)
          ? Effect.succeed([content, []])
          : Effect.map(listOf(content), (lists) => [content, lists] as const)
    )
  )
}
