/**
 * Time and chance as dependencies: `Clock`, `Random`, and waiting that can be called off.
 *
 * @module
 */
export { systemClock, type Clock, type Expiring, type Timer } from "./clock.ts";
export { seededRandom, systemRandom, type Random } from "./random.ts";
export { sleep } from "./sleep.ts";
