import { defineTopology, type EventOf } from 'millrace';
import { paymentFailed, purchase } from '../events/order.ts';

const WINDOW_MS = 60_000;
const ALERTS_KEPT_MS = 24 * 60 * 60_000;
const FAILED_PAYMENTS_MIN = 3;
const SPEND_MAX = 5000;

type Payment = EventOf<typeof purchase> | EventOf<typeof paymentFailed>;

/** What the rules need of a payment. */
interface RecentPayment {
  readonly at: number;
  readonly isFailed: boolean;
  readonly amount: number;
  readonly country: string;
}

export interface FraudAlert {
  readonly user_id: string;
  readonly rule: 'failed payments' | 'two countries' | 'high spend';
  /** Event time of the payment that gave the alert. */
  readonly at: number;
  /** Sum of the payments behind it. */
  readonly amount: number;
  readonly payments: number;
}

/**
 * Several refused payments, or a spend that cannot be one shopper's, by one user within a minute of event
 * time. One alert a user, rule and minute: to the topic `fraud_alerts`, and in the store that the page shows.
 */
export const fraud = defineTopology('fraud', (builder) => {
  const payments = builder.keyValueStore<string, readonly RecentPayment[]>('fraud-payments');
  const alerts = builder.keyValueStore<string, FraudAlert>('fraud-alerts');

  builder
    .stream([purchase, paymentFailed], { name: 'payments' })
    .processValues<FraudAlert>(
      (context) => {
        const recentPayments = context.store(payments);
        const recentAlerts = context.store(alerts);

        context.schedule(WINDOW_MS, 'stream-time', (nowMs) => {
          for (const [user, made] of recentPayments.entries()) {
            if (made.every(({ at }) => at <= nowMs - WINDOW_MS)) recentPayments.delete(user);
          }
          for (const [id, { at }] of recentAlerts.entries()) {
            if (at <= nowMs - ALERTS_KEPT_MS) recentAlerts.delete(id);
          }
        });

        return {
          process({ value: payment, timestampMs }) {
            const { user_id } = payment;
            const made = withPayment(recentPayments.get(user_id) ?? [], paymentOf(payment, timestampMs));
            recentPayments.put(user_id, made);
            for (const alert of suspicions(user_id, made, timestampMs)) {
              const id = `${user_id} ${alert.rule}`;
              const before = recentAlerts.get(id);
              if (before !== undefined && Math.abs(alert.at - before.at) < WINDOW_MS) continue;
              recentAlerts.put(id, alert);
              context.forward(alert);
            }
          },
        };
      },
      { name: 'rules', stores: [payments, alerts] },
    )
    .to('fraud_alerts');
});

function paymentOf({ event_type, amount, country }: Payment, at: number): RecentPayment {
  return { at, isFailed: event_type === 'payment_failed', amount, country };
}

/** The payments of the last minute before the newest one; they may come out of order. */
function withPayment(made: readonly RecentPayment[], payment: RecentPayment): readonly RecentPayment[] {
  const newestMs = made.reduce((latest, { at }) => Math.max(latest, at), payment.at);
  return [...made, payment].filter(({ at }) => at > newestMs - WINDOW_MS);
}

function suspicions(userId: string, made: readonly RecentPayment[], at: number): FraudAlert[] {
  const failed = made.filter(({ isFailed }) => isFailed);
  const paid = made.filter(({ isFailed }) => !isFailed);
  const countries = new Set(paid.map(({ country }) => country));
  const alertOf = (rule: FraudAlert['rule'], behind: readonly RecentPayment[]): FraudAlert => ({
    user_id: userId,
    rule,
    at,
    amount: sumOf(behind),
    payments: behind.length,
  });
  const found: FraudAlert[] = [];
  if (failed.length >= FAILED_PAYMENTS_MIN) found.push(alertOf('failed payments', failed));
  if (countries.size > 1) found.push(alertOf('two countries', paid));
  if (sumOf(paid) > SPEND_MAX) found.push(alertOf('high spend', paid));
  return found;
}

function sumOf(payments: readonly RecentPayment[]): number {
  return payments.reduce((sum, { amount }) => sum + amount, 0);
}
