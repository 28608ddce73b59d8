/** Prometheus: the system's figures in its exposition format. */
export { PrometheusMeter } from './meter.ts';
