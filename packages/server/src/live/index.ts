/** The documents that the page follows live, made of what other rooms know. */
export { alertsReport, type AlertsReportOptions } from './alerts-report.ts';
export { MetaReporter, metaOf } from './meta-report.ts';
