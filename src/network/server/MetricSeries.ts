/** Series of metrics for counts that a service keeps itself. Pure but for the metrics. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

/** A counter or a gauge. */
type AnyMetric = Metric.Metric<number, unknown>

type Attributes = Readonly<Record<string, string>>

/**
 * Returns functions that add series of a service. A series exists from then on, with 0, and publishes the values that
 * it is called with. An update of a metric costs as much as a packet: an unchanged value is none.
 */
export const ofService = (service: string, context: Context.Context<never>) => {
  const add = (metric: AnyMetric, attributes: Attributes) => {
    const own = Metric.withAttributes(metric, { service, ...attributes })
    own.updateUnsafe(0, context)
    return (value: number) => own.updateUnsafe(value, context)
  }
  return {
    /** Adds a series of a gauge, which publishes values. */
    level: (metric: AnyMetric, attributes: Attributes = {}) => {
      const set = add(metric, attributes)
      let published = 0
      return (value: number) => {
        if (value !== published) set(value)
        published = value
      }
    },
    /** Adds a series of a counter, which publishes totals. */
    total: (metric: AnyMetric, attributes: Attributes = {}) => {
      const increase = add(metric, attributes)
      let published = 0
      return (value: number) => {
        if (value > published) increase(value - published)
        published = value
      }
    }
  }
}
