"""What an ImageNet classifier recognises, as weak regional evidence."""
