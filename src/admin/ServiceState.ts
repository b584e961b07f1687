/** State of a service for operators, and the health that follows from it. Pure. */
import * as Schema from "effect/Schema"

/** State of a service, as `/services` of the admin server returns it. @category schemas @since 0.1.0 */
export const ServiceState = Schema.Struct({
  name: Schema.String,
  state: Schema.Literals(["starting", "ready", "restarting", "failed", "stopped"]),
  /** Address of the service while it listens, such as `127.0.0.1:1067` or the path of a unix socket. */
  address: Schema.optional(Schema.String),
  /** Number of restarts after a failure. */
  restarts: Schema.Int,
  /** Message of the last failure. */
  lastError: Schema.optional(Schema.String),
  /** Time of the last change of `state`, in milliseconds since 1970. */
  sinceMillis: Schema.Number,
  /** Counters of the service, whose members depend on it. */
  stats: Schema.optional(Schema.Unknown)
})

/** State of a service. @category models @since 0.1.0 */
export type ServiceState = typeof ServiceState.Type

/** Health of a process, as `/health` returns it. @category schemas @since 0.1.0 */
export const Health = Schema.Struct({
  /** `ready` if all services are ready. */
  status: Schema.Literals(["ready", "unavailable"]),
  services: Schema.Array(Schema.Struct({ name: Schema.String, state: ServiceState.fields.state }))
})

/** Health of a process. @category models @since 0.1.0 */
export type Health = typeof Health.Type

/** Returns the health of a process with these services. @category getters @since 0.1.0 */
export const healthOf = (services: ReadonlyArray<ServiceState>): Health => ({
  status: services.every(({ state }) => state === "ready") ? "ready" : "unavailable",
  services: services.map(({ name, state }) => ({ name, state }))
})
