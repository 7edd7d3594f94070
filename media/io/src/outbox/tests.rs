use std::net::UdpSocket as Std;
use std::time::Duration;

use nix::errno::Errno;

use super::kernel::Messages;
use super::*;

/// What a receiver's buffer holds in any case.
const BATCH: u8 = 35;

fn sender() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn receiver() -> Std {
    let socket = Std::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

/// Longer and shorter ones, some of them alike.
fn length(number: u8, of: usize) -> usize {
    match number % 7 {
        0..=3 => 1_200,
        4 => 3 + of,
        5 => 90,
        _ => 1_201,
    }
}

/// Pushes packets to each of several receivers in turn, and reads what has come.
fn everything_comes_in_order(outbox: &mut Outbox, socket: &UdpSocket) {
    let receivers: Vec<Std> = (0..5).map(|_| receiver()).collect();
    let mut buffer = [0; 2_000];
    for _ in 0..3 {
        for number in 0..BATCH {
            for (of, receiver) in receivers.iter().enumerate() {
                outbox.push(receiver.local_addr().unwrap(), vec![number; length(number, of)], socket);
            }
        }
        assert!(outbox.flush(socket));
        assert!(!outbox.flush(socket), "nothing is left");
        for (of, receiver) in receivers.iter().enumerate() {
            for number in 0..BATCH {
                let came = receiver.recv(&mut buffer).unwrap();
                assert_eq!((came, buffer[0]), (length(number, of), number));
            }
        }
    }
}

/// A kernel that divides nothing, for this reason.
fn refuses(socket: &UdpSocket, messages: Messages<'_, '_>, segment: u16, why: Errno) -> Result<usize, Errno> {
    if segment > 0 { Err(why) } else { kernel::send(socket, messages, segment) }
}

#[test]
fn everything_is_sent_in_order_to_each_of_several() {
    let socket = sender();
    let mut outbox = Outbox::new(&socket);
    everything_comes_in_order(&mut outbox, &socket);
    assert_ne!(outbox.segmentation, Segmentation::Untried);
}

#[test]
fn what_the_kernel_does_not_divide_is_sent_one_by_one_and_nothing_is_divided_after_it() {
    let kernels: [Kernel; 3] = [
        |socket, messages, segment| refuses(socket, messages, segment, Errno::EINVAL),
        |socket, messages, segment| refuses(socket, messages, segment, Errno::EIO),
        |socket, messages, segment| refuses(socket, messages, segment, Errno::EOPNOTSUPP),
    ];
    for kernel in kernels {
        let socket = sender();
        let mut outbox = Outbox { segmentation: Segmentation::Untried, kernel, ..Outbox::new(&socket) };
        everything_comes_in_order(&mut outbox, &socket);
        assert_eq!(outbox.segmentation, Segmentation::Off);
    }
}

#[test]
fn what_one_destination_refuses_does_not_concern_the_others() {
    let socket = sender();
    let kernel: Kernel = |socket, messages, segment| refuses(socket, messages, segment, Errno::EINVAL);
    let mut outbox = Outbox { segmentation: Segmentation::Works, kernel, ..Outbox::new(&socket) };
    everything_comes_in_order(&mut outbox, &socket);
    assert_eq!(outbox.segmentation, Segmentation::Works);
}

#[test]
fn a_batch_that_is_full_is_sent_without_a_flush() {
    let (socket, receiver) = (sender(), receiver());
    let to = receiver.local_addr().unwrap();
    let nobody = self::receiver().local_addr().unwrap();
    let mut outbox = Outbox::new(&socket);
    outbox.push(to, vec![1], &socket);
    for _ in 1..TOGETHER_MAX {
        outbox.push(nobody, vec![2], &socket);
    }
    assert_eq!(outbox.waiting, 0);
    assert_eq!(receiver.recv(&mut [0; 10]).unwrap(), 1);
    assert!(outbox.flush(&socket), "that it was sent before is told");
}

#[test]
fn everything_is_sent_in_order_except_what_cannot_be() {
    let socket = sender();
    let (first, second) = (receiver(), receiver());
    // A datagram longer than any network carries, first, in the middle and last.
    let too_long = vec![0; 70_000];
    let mut outbox = Outbox::new(&socket);
    let to = |receiver: &Std| receiver.local_addr().unwrap();
    outbox.push(to(&first), too_long.clone(), &socket);
    for number in 0..100_u8 {
        outbox.push(to(&first), vec![number; 3], &socket);
        outbox.push(to(&second), vec![number; 5], &socket);
        if number == 40 {
            outbox.push(to(&second), too_long.clone(), &socket);
        }
    }
    outbox.push(to(&second), too_long, &socket);
    outbox.flush(&socket);
    let mut buffer = [0; 100];
    for (receiver, length) in [(&first, 3), (&second, 5)] {
        for number in 0..100_u8 {
            assert_eq!(receiver.recv(&mut buffer).unwrap(), length);
            assert_eq!(buffer[0], number);
        }
    }
}
