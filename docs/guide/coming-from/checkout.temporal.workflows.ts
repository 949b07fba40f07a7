import {
  ApplicationFailure,
  condition,
  defineSignal,
  proxyActivities,
  setHandler,
} from "@temporalio/workflow";
import type * as activities from "./checkout.temporal.activities";

const { charge, refund, ask } = proxyActivities<typeof activities>({
  startToCloseTimeout: "1 minute",
});
const { ship } = proxyActivities<typeof activities>({
  startToCloseTimeout: "1 minute",
  retry: { maximumAttempts: 5 },
});

export const approve = defineSignal<[boolean]>("approve");

export async function checkout(order: activities.Order): Promise<string[]> {
  let approved: boolean | undefined;
  setHandler(approve, (answer) => {
    approved = answer;
  });
  const receipt = await charge(order);
  try {
    await ask(order.cents);
    await condition(() => approved !== undefined, "2 days");
    if (!approved) {
      throw ApplicationFailure.nonRetryable("not approved");
    }
    return await Promise.all(order.items.map((item) => ship(item)));
  } catch (error) {
    await refund(receipt);
    throw error;
  }
}
