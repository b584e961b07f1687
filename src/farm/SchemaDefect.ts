/** The errors of getters and transformations that throw within a schema. */
import * as Cause from "effect/Cause"

/** Returns what was thrown within a schema, which throws another error around it; any other value as it is. */
export const unwrap = (thrown: unknown): unknown =>
  thrown instanceof Error && Cause.isCause(thrown.cause) ? Cause.squash(thrown.cause) : thrown
