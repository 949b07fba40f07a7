import { Context } from "@temporalio/activity";

export interface Order {
  card: string;
  cents: number;
  items: string[];
}

export async function charge(order: Order): Promise<string> {
  console.log(`${order.cents} from ${order.card}`);
  return `${order.cents} from ${order.card}`;
}

export async function refund(receipt: string): Promise<void> {
  console.log(`back: ${receipt}`);
}

export async function ask(cents: number): Promise<void> {
  const order = Context.current().info.workflowExecution?.workflowId;
  console.log(`${cents}? Send the signal approve with true or false to ${order}`);
}

export async function ship(item: string): Promise<string> {
  console.log(`${item} is on its way`);
  return `parcel with ${item}`;
}
