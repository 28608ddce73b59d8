/** The documents that the page follows live, made of what other rooms know. */
export { alertsReport } from './alerts-report.ts';
export { MetaReporter } from './meta-report.ts';
