/** Numbers of things as text: `1 packet`, `2 packets`. Pure. */

/**
 * Formats a number of things. `plural` is the noun for any number but 1.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (count: number, singular: string, plural: string = `${singular}s`): string =>
  `${count} ${count === 1 ? singular : plural}`
