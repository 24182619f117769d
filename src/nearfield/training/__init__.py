"""What makes encoders and spaces."""
