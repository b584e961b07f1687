/** A logger that records the messages of a run with their hosts. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type * as Recording from "../Recording.ts"
import * as CanonicalJson from "./CanonicalJson.ts"

const textOf = (part: unknown): string => {
  if (typeof part === "string") return part
  return part instanceof Error ? `${part.name}: ${part.message}` : CanonicalJson.format(part)
}

/** Returns the message, its annotations and the errors of its cause as one text. */
const messageOf = ({ cause, fiber, message }: Logger.Options<unknown>): string => {
  const parts = (Array.isArray(message) ? message : [message]).map(textOf)
  const annotations = Object.entries(fiber.getRef(References.CurrentLogAnnotations))
  const pairs = annotations.map(([key, value]) => `${key}=${textOf(value)}`)
  const errors = cause.reasons.map((reason) =>
    Cause.isFailReason(reason)
      ? textOf(reason.error)
      : Cause.isDieReason(reason)
        ? textOf(reason.defect)
        : "interrupted"
  )
  return [...parts, ...pairs, ...errors].join(" ")
}

/** Name of the host that a program runs on; undefined for the scenario itself. */
export const HostName = Context.Reference<string | undefined>("effect-inet/Simulation/HostName", {
  defaultValue: () => undefined
})

/** Adds a logger that records to those that a program has. */
export const add = <R>(
  context: Context.Context<R>,
  now: () => number,
  record: Recording.Recorder
): Context.Context<R> => {
  const logger = Logger.make<unknown, void>((options) =>
    record({
      _tag: "Log",
      at: now(),
      host: options.fiber.getRef(HostName),
      level: options.logLevel,
      message: messageOf(options)
    })
  )
  return Context.add(context, Logger.CurrentLoggers, new Set([...Context.get(context, Logger.CurrentLoggers), logger]))
}
